"""A stage of its own, if it is named: the training steps of the published networks, beside their originals'."""
import step

# With what bench_step is told besides, for the original's present version.
NETS = {"smp-unet-resnet34": {}, "smp-unet-vgg16-bn": {}, "deeplabv3-resnet50": {},
        "dynamic-unet-resnet34": {"set": "style=fastai2"}}


def run(check, deadline):
    sizes = {name: value for name, value in check.sizes.step.items() if name != "set"}
    steps = check.sizes.slow_steps
    check.run([step.camber(check, f"{net}/{dtype}", dtype, 40, steps, net=net, **options, **sizes)
               for dtype in ("bf16", "tf32") for net, options in NETS.items()], deadline)
    variants = ["graph", "compile-graph"] if check.device == "cuda" else ["eager"]
    for variant in variants:  # the quick ones of all first
        for net in NETS:
            check.run(step.torch(check, f"{net}/{variant}", "bf16", [variant], 90, net=net, **sizes), deadline)
