#!/usr/bin/env python3
"""Times the logits of one input on the CPU, as bench_inference does Camber's, by ONNX Runtime, OpenVINO or PyTorch, and
prints a JSON object. The first two run an ONNX file, of any layout; PyTorch its own networks (step_torch.py names
them).

    inference_peers.py --system onnxruntime --model unet.onnx --threads 2
    inference_peers.py --system pytorch --net unet --dtype bf16 --threads 2

Exit status 3: the system, its library, or the dtype in it is missing.
"""
import argparse
import json
import os
import pathlib
import resource
import sys
import time

WARM = 3


def missing(reason):
    print(f"inference_peers.py: {reason}", file=sys.stderr)
    sys.exit(3)


def pixels(shape):
    import numpy
    return numpy.random.default_rng(1).random(shape, dtype=numpy.float32)


def shape_of_input(dims, args):
    """Of a model's input, [N, C, H, W] or [N, H, W, C]; what a model leaves open is as asked for."""
    dims = [d if isinstance(d, int) else None for d in dims]
    channels_last = dims[3] in (1, 3, 4)
    asked = [args.batch, args.height, args.width, 3] if channels_last else [args.batch, 3, args.height, args.width]
    return [a if d is None else d for d, a in zip(dims, asked)]


def onnxruntime_of(args):
    import onnxruntime
    if args.dtype != "f32":
        missing("ONNX Runtime's CPU provider has no bf16")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    x = pixels(shape_of_input(entry.shape, args))
    return onnxruntime.__version__, "", lambda: session.run(None, {entry.name: x})


def openvino_of(args):
    import openvino
    core = openvino.Core()
    hints = {"INFERENCE_PRECISION_HINT": args.dtype, "INFERENCE_NUM_THREADS": args.threads,
             "PERFORMANCE_HINT": "LATENCY"}
    model = core.read_model(args.model)
    dims = [d.get_length() if d.is_static else None for d in model.input(0).get_partial_shape()]
    shape = shape_of_input(dims, args)
    model.reshape(shape)
    compiled = core.compile_model(model, "CPU", hints)
    request = compiled.create_infer_request()
    x = pixels(shape)
    return openvino.__version__.split("-")[0], "", lambda: request.infer({0: x})


def pytorch_of(args):
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import importlib
    import step_torch
    import torch
    torch.set_num_threads(args.threads)
    if args.net not in step_torch.NETS:
        missing(f"PyTorch has no {args.net}")
    library, make, _ = step_torch.NETS[args.net]
    net = make(importlib.import_module(library), args.height).eval().to(memory_format=torch.channels_last)
    x = torch.from_numpy(pixels([args.batch, 3, args.height, args.width])).to(memory_format=torch.channels_last)
    if args.dtype == "bf16":
        net, x = net.bfloat16(), x.bfloat16()
    if args.variant == "compile":
        net = torch.compile(net)

    def run():
        with torch.inference_mode():
            out = net(x)
            return out["out"] if isinstance(out, dict) else out

    return torch.__version__, args.variant, run


SYSTEMS = {"onnxruntime": onnxruntime_of, "openvino": openvino_of, "pytorch": pytorch_of}


def quantile(times, q):
    """The nearest-rank one."""
    return sorted(times)[max(1, -int(-q * len(times) // 1)) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", choices=SYSTEMS, required=True)
    parser.add_argument("--model", help="ONNX file")
    parser.add_argument("--net", required=True)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--variant", choices=["eager", "compile"], default="eager", help="of PyTorch")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    start = time.perf_counter()
    try:
        version, variant, run = SYSTEMS[args.system](args)
    except ImportError as error:
        missing(f"{args.system} is missing: {error}")
    run()
    first = time.perf_counter() - start
    for _ in range(WARM - 1):
        run()
    times, cpu_times = [], []
    for _ in range(args.runs):
        begin, cpu_begin = time.perf_counter(), time.process_time()
        run()
        times.append(time.perf_counter() - begin)
        cpu_times.append(time.process_time() - cpu_begin)
    print(json.dumps({
        "system": args.system, "version": version, "variant": variant, "net": args.net, "dtype": args.dtype,
        "batch": args.batch, "size": f"{args.height}x{args.width}", "threads": args.threads, "first_seconds": first,
        "seconds": min(times), "median_seconds": quantile(times, 0.5), "p90_seconds": quantile(times, 0.9),
        "cpu_seconds": min(cpu_times),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
