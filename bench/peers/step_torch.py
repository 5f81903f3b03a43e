"""Training steps in PyTorch: the peer of bench/step. Prints one JSON object a variant.

The networks have the names of Camber's; all but the plain U-Net are what their libraries make, with random weights.
Same network, batch, loss and optimizer as bench/step/training_step.cpp. Variants, each timed in turn:
  eager          an operation at a time
  graph          the whole step captured in a CUDA graph
  compile        net and loss compiled together (torch.compile; on a GPU with --max-autotune by that)
  compile-graph  that, the whole step captured in a CUDA graph: PyTorch's best on a GPU
  compile-only   compiles and runs once, so that later runs find what it left in TORCHINDUCTOR_CACHE_DIR; no time
bf16 is autocast, PyTorch's recommended way. f32 keeps f32's precision, tf32 rounds to TF32 in convolutions and
products. On a GPU cuDNN chooses its algorithms by measurement. Seconds are the host's, the device waited for
after each step. Exit status 3: a library is missing.
"""
import argparse
import gc
import importlib
import json
import os
import resource
import sys
import time

# Else torch.compile times 18 kernels of Triton's for every convolution, 10 s each, beside cuDNN's. On an H100 those of
# the forward pass then take 1.97 ms, not 2.11.
os.environ.setdefault("TORCHINDUCTOR_MAX_AUTOTUNE_CONV_BACKENDS", "ATEN")

try:
    import torch
    from torch import nn
except ImportError as missing:
    print(f"step_torch.py: needs PyTorch: {missing}", file=sys.stderr)
    sys.exit(3)

WARM = 3
CLASSES = 11
AUX_WEIGHT = 0.5  # of torchvision's auxiliary head, by its references/segmentation/train.py


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


def unet(_, size, width=64):
    return Unet(width, CLASSES)


def smp_unet(encoder):
    return lambda smp, size: smp.Unet(encoder, encoder_weights=None, classes=CLASSES)


def dynamic_unet(fastai_unet, size):
    from torchvision.models import resnet34
    body = nn.Sequential(*list(resnet34(weights=None).children())[:-2])  # as fastai's create_body cuts it
    net = fastai_unet.DynamicUnet(body, CLASSES, (size, size))
    del net.layers[-1]  # gives the logits fastai's type of tensor, of which torch.compile makes nothing
    return net


def deeplab(segmentation, size, aux=True):
    return segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=CLASSES, aux_loss=aux)


# What the network is made with, of the module named first: (module, size, options of --set).
NETS = {
    "unet": ("torch", unet, ("width",)),
    "smp-unet-resnet34": ("segmentation_models_pytorch", smp_unet("resnet34"), ()),
    "smp-unet-vgg16": ("segmentation_models_pytorch", smp_unet("vgg16"), ()),
    "smp-unet-vgg16-bn": ("segmentation_models_pytorch", smp_unet("vgg16_bn"), ()),
    "dynamic-unet-resnet34": ("fastai.vision.models.unet", dynamic_unet, ()),
    "deeplabv3-resnet50": ("torchvision.models.segmentation", deeplab, ("aux",)),
}


def loss_of_outputs(outputs, labels):
    """Cross-entropy of a network's logits; of torchvision's dict of them, with the auxiliary head's."""
    if isinstance(outputs, dict):
        loss = nn.functional.cross_entropy(outputs["out"], labels)
        return loss + AUX_WEIGHT * nn.functional.cross_entropy(outputs["aux"], labels) if "aux" in outputs else loss
    return nn.functional.cross_entropy(outputs, labels)


class Step:
    """Training steps of one variant, on one batch of random pixels."""

    def __init__(self, args, variant):
        self.on_gpu = args.device == "cuda"
        self.recorded = variant.endswith("graph")
        self.replay = None
        # For warm-up and capture alike: fastai's hooks keep a step's graph until the next, and with it the streams on
        # which gradients are accumulated.
        self.side = torch.cuda.Stream() if self.recorded else None
        layout = torch.channels_last if args.channels_last else torch.contiguous_format
        library, make, _ = NETS[args.net]
        net = make(importlib.import_module(library), args.size, **args.options).train()
        self.parameters = sum(p.numel() for p in net.parameters())
        net = net.to(args.device, memory_format=layout)
        self.optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True, capturable=self.on_gpu)
        images = torch.rand(args.batch, 3, args.size, args.size, device=args.device)
        self.images = images.contiguous(memory_format=layout)
        self.labels = torch.randint(0, CLASSES, (args.batch, args.size, args.size), device=args.device)
        bf16 = {"enabled": args.dtype == "bf16", "cache_enabled": not self.recorded}

        def loss_of(images, labels):
            with torch.autocast(args.device, torch.bfloat16, **bf16):
                return loss_of_outputs(net(images), labels)

        # Not the mode that captures graphs itself: that one captures neither the optimizer nor the step as a whole.
        mode = "max-autotune-no-cudagraphs" if self.on_gpu and args.max_autotune else None
        self.loss_of = torch.compile(loss_of, mode=mode) if variant.startswith("compile") else loss_of

    def work(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(self.images, self.labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def capture(self):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.side):
            self.work()
        self.replay = graph.replay

    def warm_up(self):
        if self.on_gpu:
            torch.cuda.synchronize()
        with torch.cuda.stream(self.side):  # None: the current one
            for _ in range(WARM):
                self.work()
        if self.on_gpu:
            torch.cuda.synchronize()

    def seconds(self):
        start = time.perf_counter()
        if self.replay:
            self.replay()
        else:
            loss = self.work()
            if not self.on_gpu:
                loss.item()
        if self.on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def longest_kernels(self, count):
        """The kernels of a step that take the longest in all, by PyTorch's profiler."""
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            self.seconds()
        # Kernels, not what started them.
        kernels = [e for e in profile.key_averages() if e.device_type == torch.autograd.DeviceType.CUDA]
        rows = sorted(((e.self_device_time_total / 1e3, e.count, e.key) for e in kernels), reverse=True)
        return {"kernel_milliseconds": sum(r[0] for r in rows), "kernels": sum(r[1] for r in rows),
                "longest_kernels": [{"milliseconds": t, "calls": n, "name": name[:150]} for t, n, name in rows[:count]]}


def quantile(times, q):
    """The nearest-rank one."""
    return sorted(times)[max(1, -int(-q * len(times) // 1)) - 1]


def measure(args, variant):
    on_gpu = args.device == "cuda"
    start = time.perf_counter()
    step = Step(args, variant)
    step.warm_up()
    tuned = ", max-autotune" if on_gpu and args.max_autotune else ""
    layout = "channels_last" if args.channels_last else "contiguous"
    result = {"system": "pytorch", "version": torch.__version__, "mode": variant + tuned,
              "variant": f"{variant}{tuned}, {layout}", "dtype": args.dtype,
              "device": args.device, "net": args.net, "options": args.options, "parameters": step.parameters,
              "batch": args.batch, "size": args.size,
              "threads": torch.get_num_threads(), "warm_up_seconds": time.perf_counter() - start}
    if args.net == "unet":
        result["width"] = args.options.get("width", 64)
    if variant == "compile-only":
        return result
    if on_gpu:  # the warm-up's scratch is none of a step's
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    if step.recorded:
        step.capture()
        step.seconds()
    times = [step.seconds() for _ in range(args.steps)]
    result |= {"seconds": min(times), "median_seconds": quantile(times, 0.5), "p90_seconds": quantile(times, 0.9),
               "images_per_second": args.batch / min(times)}
    if on_gpu:
        # Replays allocate nothing: the peak is the capture's.
        result |= {"peak_tensors_mib": torch.cuda.max_memory_allocated() / 2**20,
                   "reserved_mib": torch.cuda.memory_reserved() / 2**20}
    else:
        result["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if args.kernels and on_gpu:
        report(result)  # a profiler that fails costs no time that was measured
        result |= step.longest_kernels(args.kernels)
    return result


def report(result):
    print(json.dumps(result), flush=True)


def option(text):
    """OPTION=VALUE; the value as JSON."""
    name, _, value = text.partition("=")
    return name, json.loads(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=NETS, default="unet")
    parser.add_argument("--set", action="append", default=[], type=option, metavar="OPTION=VALUE", dest="options",
                        help="of the network: width of unet, aux of deeplabv3-resnet50; may be repeated")
    parser.add_argument("--variant", nargs="+", default=["eager"],
                        choices=["eager", "graph", "compile", "compile-graph", "compile-only"])
    parser.add_argument("--dtype", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--kernels", type=int, default=0, metavar="N", help="names a step's N longest kernels (GPU)")
    parser.add_argument("--max-autotune", action="store_true", help="torch.compile takes minutes more (GPU)")
    args = parser.parse_args()
    args.options = dict(args.options)
    library, _, known = NETS[args.net]
    if unknown := args.options.keys() - set(known):
        parser.error(f"--set: {args.net} has no option '{min(unknown)}' here")
    try:
        importlib.import_module(library)
    except ImportError as error:
        print(f"step_torch.py: {args.net} needs {library}: {error}", file=sys.stderr)
        sys.exit(3)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = args.dtype == "tf32"
    torch.set_float32_matmul_precision("high" if args.dtype == "tf32" else "highest")
    failed = 0
    for variant in args.variant:
        try:
            report(measure(args, variant))
        except Exception as error:  # one variant must not cost the others
            failed += 1
            print(f"step_torch.py: {args.net}, {variant} in {args.dtype}: {type(error).__name__}: {error}",
                  file=sys.stderr)
        torch._dynamo.reset()
        gc.collect()
        if args.device == "cuda":
            torch.cuda.empty_cache()
    sys.exit(1 if failed == len(args.variant) else 0)


if __name__ == "__main__":
    main()
