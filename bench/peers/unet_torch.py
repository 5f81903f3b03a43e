"""A training step of the 31 M U-Net in PyTorch on the CPU: the peer of bench/step. Prints one JSON object.

Same network, batch, loss and optimizer as bench_step.cpp. Variants: eager or compiled, contiguous or channels_last; bf16 is
autocast, PyTorch's recommended way.
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
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)

    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    net = Unet(64, 11).to(memory_format=layout)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    images = torch.rand(args.batch, 3, args.size, args.size).contiguous(memory_format=layout)
    labels = torch.randint(0, 11, (args.batch, args.size, args.size))
    forward = torch.compile(net) if args.compile else net

    def step():
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = nn.functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()
        return time.perf_counter() - start

    for _ in range(2):
        step()
    best = min(step() for _ in range(args.steps))
    variant = f"{'compile' if args.compile else 'eager'}, {'channels_last' if args.channels_last else 'contiguous'}"
    print(json.dumps({
        "system": "pytorch", "version": torch.__version__, "variant": variant, "dtype": args.dtype, "seconds": best,
        "images_per_second": args.batch / best, "threads": torch.get_num_threads(),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
