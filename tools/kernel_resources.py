"""Writes docs/kernel_resources.md: registers, shared memory and spills of every CUDA kernel, as ptxas reports them.

    tools/kernel_resources.py [NVCC]

Fails when a kernel spills. Kernels that share a source and a name are told apart by their template arguments.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
nvcc = sys.argv[1] if len(sys.argv) > 1 else "nvcc"
architectures = ("80", "90a")
flags = ["-std=c++20", "-O3", "--expt-relaxed-constexpr", "-DFMT_CONSTEVAL=", "-DFMT_USE_CONSTEXPR=1", "-I.",
         "-Iinclude", "-Isrc"]


def report(job):
    source, architecture = job
    defined = ["-DCAMBER_WITH_SM90A"] if architecture.endswith("a") else []
    output = f"/tmp/kernel_resources_{source.stem}_{architecture}.cubin"
    command = [nvcc, *flags, *defined, f"-arch=sm_{architecture}", "-cubin", "-Xptxas", "-v", "-o", output, str(source)]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    pathlib.Path(output).unlink(missing_ok=True)
    if result.returncode:
        sys.exit(result.stderr)
    return result.stderr


def kernels(text):
    """(mangled name, stack bytes, spilled bytes, registers, shared bytes) of each entry function."""
    pattern = re.compile(
        r"Compiling entry function '(\S+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads.*?Used (\d+) registers(.*?)\n", re.S)
    for name, stack, stores, loads, registers, rest in pattern.findall(text):
        shared = re.search(r"(\d+) bytes smem", rest)
        yield name, int(stack), int(stores) + int(loads), int(registers), int(shared.group(1)) if shared else 0


def readable(names):
    """Kernel and template arguments, without namespaces and parameters."""
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True).stdout.splitlines()
    result = {}
    for mangled, name in zip(names, text):
        name = re.sub(r"camber::|cuda::|\(anonymous namespace\)::|_INTERNAL_\w+::", "", name)
        name = re.sub(r"^void ", "", name)
        name = re.sub(r"\((int|bool|long|unsigned int)\)", "", name)
        depth = end = 0
        for end, c in enumerate(name):
            depth += (c == "<") - (c == ">")
            if c == "(" and depth == 0:
                break
        result[mangled] = name[:end]
    return result


def main():
    sources = sorted((root / "cuda" / "kernels").glob("*.cu"))
    jobs = [(s, a) for s in sources for a in architectures]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        reports = dict(zip(jobs, pool.map(report, jobs)))
    lines = [
        "# Registers and shared memory of every kernel",
        "",
        "As ptxas reports them for sm_80 and sm_90a; static shared memory. Dynamic besides: (M + N) * 256 bytes for a",
        "convolution's M x N tile (64 KiB for 128x128), by warpgroups (M + N) * 128 for each slice, three or four; two",
        "to four rows of logits a thread in softmax and the losses.",
        "Written by `tools/kernel_resources.py`, which fails when a kernel spills.",
    ]
    spilled = []
    for source in sources:
        found = {a: {k[0]: k for k in kernels(reports[source, a])} for a in architectures}
        names = readable(sorted(found["90a"]))
        lines += ["", f"## {source.name}", "", "| kernel | registers sm_80 | sm_90a | shared bytes |",
                  "| --- | --- | --- | --- |"]
        for mangled in sorted(names, key=names.get):
            old, new = found["80"].get(mangled), found["90a"][mangled]
            if "WarpgroupTile" in names[mangled]:
                old = None  # a trap
            lines.append(f"| `{names[mangled]}` | {old[3] if old else '-'} | {new[3]} | {new[4]} |")
            for architecture, entry in (("80", old), ("90a", new)):
                if entry and (entry[1] or entry[2]):
                    spilled.append(f"{source.name}: {names[mangled]} on sm_{architecture}: "
                                   f"{entry[1]} bytes of stack, {entry[2]} spilled")
    (root / "docs" / "kernel_resources.md").write_text("\n".join(lines) + "\n")
    if spilled:
        sys.exit("\n".join(spilled))


if __name__ == "__main__":
    main()
