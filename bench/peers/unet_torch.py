"""A training step of the 31 M U-Net in PyTorch: the peer of bench/step. Prints one JSON object.

Same network, batch, loss and optimizer as bench_step.cpp. Variants: eager, compiled or (on a GPU) captured in a CUDA graph,
contiguous or channels_last; bf16 is autocast, PyTorch's recommended way. On a GPU f32 uses TF32 in convolutions, cuDNN chooses
its algorithms by measurement, and a large bf16 matrix product gives the machine's own rate.
"""
import argparse
import json
import resource
import time

import torch
from torch import nn


class Block(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(
            nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
            nn.Conv2d(cout, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Unet(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        filters = [width << i for i in range(5)]
        self.encoder = nn.ModuleList(Block(i, o) for i, o in zip([3] + filters[:3], filters[:4]))
        self.bottleneck = Block(filters[3], filters[4])
        self.up = nn.ModuleList(nn.ConvTranspose2d(filters[i + 1], filters[i], 2, 2) for i in (3, 2, 1, 0))
        self.decoder = nn.ModuleList(Block(2 * filters[i], filters[i]) for i in (3, 2, 1, 0))
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for block in self.encoder:
            skips.append(block(x))
            x = nn.functional.max_pool2d(skips[-1], 2)
        x = self.bottleneck(x)
        for up, block in zip(self.up, self.decoder):
            x = block(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--graph", action="store_true", help="capture the step in a CUDA graph")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)

    on_gpu = args.device == "cuda"
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    net = Unet(64, 11).to(args.device, memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True, capturable=on_gpu)
    images = torch.rand(args.batch, 3, args.size, args.size, device=args.device).contiguous(memory_format=layout)
    labels = torch.randint(0, 11, (args.batch, args.size, args.size), device=args.device)
    forward = torch.compile(net) if args.compile else net

    def work():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(args.device, torch.bfloat16, enabled=args.dtype == "bf16", cache_enabled=not args.graph):
            loss = nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    replay = None
    if args.graph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        replay = graph.replay

    def step():
        start = time.perf_counter()
        if replay:
            replay()
        else:
            loss = work()
            if not on_gpu:
                loss.item()
        if on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    for _ in range(3):
        step()
    best = min(step() for _ in range(args.steps))
    mode = "compile" if args.compile else "graph" if args.graph else "eager"
    if on_gpu:
        peak = torch.cuda.max_memory_allocated() / 2**20
        matrix = matrix_rate()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        matrix = None
    print(json.dumps({
        "system": "pytorch", "version": torch.__version__,
        "variant": f"{mode}, {'channels_last' if args.channels_last else 'contiguous'}", "dtype": args.dtype,
        "device": args.device, "batch": args.batch, "size": args.size, "seconds": best,
        "images_per_second": args.batch / best, "threads": torch.get_num_threads(),
        "peak_tensors_mib" if on_gpu else "peak_rss_mib": peak, "bf16_matrix_flops": matrix}))


def matrix_rate():
    """Operations a second of a large bf16 matrix product on random values: the machine's own ceiling."""
    n = 8192
    a, b = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ b
    torch.cuda.synchronize()
    return 20 * 2 * n**3 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
