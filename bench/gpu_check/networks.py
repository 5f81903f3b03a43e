"""A stage of its own, if it is named: the training steps of the published networks, beside their originals'."""
import time

import step

COMPILING = 110  # seconds at most, of all side by side, for which the device is left to PyTorch

# With what bench_step is told besides, for the original's present version.
NETS = {"smp-unet-resnet34": {}, "smp-unet-vgg16-bn": {}, "deeplabv3-resnet50": {},
        "dynamic-unet-resnet34": {"set": "style=fastai2"}}


def run(check, deadline):
    sizes = {name: value for name, value in check.sizes.step.items() if name != "set"}
    steps = check.sizes.slow_steps
    for net in NETS:
        step.compile_in_background(check, f"{net}/compile", net=net, **sizes)
    check.runner.end_background(min(deadline, time.monotonic() + check.scale * COMPILING))
    check.run([step.camber(check, f"{net}/{dtype}", dtype, 40, steps, net=net, **options, **sizes)
               for dtype in ("bf16", "tf32") for net, options in NETS.items()], deadline)
    variants = ["compile-graph", "graph"] if check.device == "cuda" else ["eager"]
    for net in NETS:
        check.run(step.torch(check, net, "bf16", variants, 90, net=net, **sizes), deadline)
