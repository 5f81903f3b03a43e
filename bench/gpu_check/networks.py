"""A stage of its own, if it is named: the training steps of the published networks, beside their originals'."""
import time

import step

# With what bench_step is told besides, for the original's present version.
NETS = {"smp-unet-resnet34": {}, "smp-unet-vgg16-bn": {}, "deeplabv3-resnet50": {},
        "dynamic-unet-resnet34": {"set": "style=fastai2"}}


def run(check, deadline):
    sizes = {name: value for name, value in check.sizes.step.items() if name != "set"}
    on_gpu = check.device == "cuda"
    for net in NETS:
        step.compile_in_background(check, net=net, **sizes)
    steps = check.sizes.slow_steps
    check.run([step.camber(check, f"{net}/{dtype}", dtype, 40, steps, net=net, **options, **sizes)
               for dtype in ("bf16", "tf32") for net, options in NETS.items()], deadline)
    left = deadline - time.monotonic()
    check.runner.end_background(time.monotonic() + left / 2)
    for dtype, variants in ("bf16", ["graph", "compile-graph"] if on_gpu else ["eager"]), ("tf32", ["graph"]):
        for net in NETS if on_gpu or dtype == "bf16" else ():
            check.run(step.torch(check, f"{net}/{dtype}", dtype, variants, 60, net=net, **sizes), deadline)
