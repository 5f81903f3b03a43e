"""Writes docs/kernel_resources.md: registers, shared memory and spills of every CUDA kernel, as ptxas reports them; and
the registers, of the laboratory's versions too, to cuda/laboratory/kernel_resources.inc.

    tools/kernel_resources.py [--laboratory] [NVCC]     --laboratory: only its versions are compiled, the rest is taken
                                                        from the page

Fails when a kernel spills. Kernels that share a source and a name are told apart by their template arguments.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
laboratory_alone = "--laboratory" in sys.argv
nvcc = ([a for a in sys.argv[1:] if a != "--laboratory"] or ["nvcc"])[0]
page = root / "docs" / "kernel_resources.md"
architectures = ("80", "90a")
flags = ["-std=c++20", "-O3", "--expt-relaxed-constexpr", "-DFMT_CONSTEVAL=", "-DFMT_USE_CONSTEXPR=1", "-I.",
         "-Iinclude", "-Isrc"]


def report(job):
    source, architecture = job
    defined = ["-DCAMBER_WITH_SM90A"] if architecture.endswith("a") else []
    output = f"/tmp/kernel_resources_{source.parent.name}_{source.stem}_{architecture}.cubin"
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


def compiled(sources):
    """Of each source, (name, entry on sm_80 or None, entry on sm_90a) of its kernels; what spills."""
    jobs = [(s, a) for s in sources for a in architectures]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        reports = dict(zip(jobs, pool.map(report, jobs)))
    result, spilled = {}, []
    for source in sources:
        found = {a: {k[0]: k for k in kernels(reports[source, a])} for a in architectures}
        # By readable names: the mangled ones of an unnamed namespace differ with what is defined.
        of_80, of_90a = ({name: found[a][mangled] for mangled, name in readable(sorted(found[a])).items()}
                         for a in architectures)
        result[source] = []
        for name in sorted(of_90a):
            old, new = None if "WarpgroupTile" in name else of_80.get(name), of_90a[name]  # None: a trap
            result[source].append((name, old, new))
            for architecture, entry in (("80", old), ("90a", new)):
                if entry and (entry[1] or entry[2]):
                    spilled.append(f"{source.name}: {name} on sm_{architecture}: "
                                   f"{entry[1]} bytes of stack, {entry[2]} spilled")
    return result, spilled


def write_page(of_sources):
    lines = [
        "# Registers and shared memory of every kernel",
        "",
        "As ptxas reports them for sm_80 and sm_90a; static shared memory. Dynamic besides: (M + N) * 256 bytes for a",
        "convolution's M x N tile (64 KiB for 128x128), by warpgroups (M + N) * 128 for each slice, three or four; two",
        "to four rows of logits a thread in softmax and the losses.",
        "Written by `tools/kernel_resources.py`, which fails when a kernel spills.",
    ]
    for source, entries in of_sources.items():
        lines += ["", f"## {source.name}", "", "| kernel | registers sm_80 | sm_90a | shared bytes |",
                  "| --- | --- | --- | --- |"]
        for name, old, new in entries:
            lines.append(f"| `{name}` | {old[3] if old else '-'} | {new[3]} | {new[4]} |")
    page.write_text("\n".join(lines) + "\n")


def main():
    spilled = []
    if not laboratory_alone:
        shipped, spilled = compiled(sorted((root / "cuda" / "kernels").glob("*.cu")))
        write_page(shipped)
    rows = re.findall(r"^\| `(.*)` \| (\d+|-) \| (\d+) \| \d+ \|$", page.read_text(), re.M)
    versions, more = compiled(sorted((root / "cuda" / "laboratory").glob("*/*.cu")))
    for entries in versions.values():
        rows += [(name, old[3], new[3]) for name, old, new in entries]
    lines = ["// Written by tools/kernel_resources.py: kernel, registers of a thread on sm_80 and sm_90a; 0: no code"]
    lines.append("// clang-format off")
    for name, old, new in sorted(set((name, str(old), str(new)) for name, old, new in rows)):
        lines.append(f'{{"{name}", {old.replace("-", "0")}, {new}}},')
    (root / "cuda" / "laboratory" / "kernel_resources.inc").write_text("\n".join(lines) + "\n// clang-format on\n")
    if spilled + more:
        sys.exit("\n".join(spilled + more))


if __name__ == "__main__":
    main()
