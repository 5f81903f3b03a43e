"""Stage of its own, when it is asked for: the training steps of the published networks, beside their originals'."""
import step

NETS = ("smp-unet-resnet34", "smp-unet-vgg16-bn", "dynamic-unet-resnet34", "deeplabv3-resnet50")


def run(check, deadline):
    variants = ["compile-graph", "graph"] if check.device == "cuda" else ["eager"]
    sizes = {name: value for name, value in check.sizes.step.items() if name != "set"}
    for dtype in ("bf16", "tf32"):
        for net in NETS:
            check.run([step.camber(check, f"{net}/{dtype}", dtype, 40, check.sizes.slow_steps, net=net, **sizes)] +
                      step.torch(check, f"{net}/{dtype}", dtype, variants, 120, net=net, **sizes), deadline)
