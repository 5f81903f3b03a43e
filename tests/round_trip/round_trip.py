"""Round trips with the original libraries: random weights of theirs, camber import, a step of camber train, camber
export, and back into the library, whose outputs must then be camber predict's.

Usage: round_trip.py --camber build/camber [FAMILY...]
Without families, those whose library is there: torch, torchvision, segmentation_models_pytorch and fastai 1 for some,
tf_keras, segmentation_models (and keras) for others; tests/fixtures/README.md has the versions. Not part of the tests.
"""
import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["SM_FRAMEWORK"] = "tf.keras"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
from PIL import Image

SEED, CLASSES, SIZE = 5, 11, 96
MARGIN = 1e-3  # of the largest logit: where the best two classes are closer, either may win


class Torch:
    """A network of PyTorch's, by a maker; `weights`: how camber import takes its file."""
    library, suffix = "torch", "pth"
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def __init__(self, net, needs, make, make_source=None):
        self.net, self.needs, self.make, self.make_source = net, needs, make, make_source
        self.weights = "--encoder-weights" if make_source else "--weights"

    def save(self, folder):
        """Its own file of random weights, and those as arrays, where the whole network has them."""
        import torch
        torch.manual_seed(SEED)
        model = (self.make_source or self.make)()
        for layer in model.modules():  # as after training: initial statistics are 0 and 1 everywhere
            if isinstance(layer, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(layer.running_mean, -0.1, 0.1)
                torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
        file = os.path.join(folder, "original.pth")
        torch.save(model.state_dict(), file)
        return file

    def load(self, file):
        import torch
        model = self.make()
        model.load_state_dict(torch.load(file, weights_only=True), strict=True)
        return model.eval()

    def logits(self, model, image):
        import torch
        x = ((image / 255 - self.mean) / self.deviation).transpose(2, 0, 1)[None]
        with torch.no_grad():
            y = model(torch.tensor(x, dtype=torch.float32))
        return (y["out"] if isinstance(y, dict) else y)[0].numpy().transpose(1, 2, 0)

    def tensors(self, model):
        return {name: value.numpy() for name, value in model.state_dict().items() if value.ndim > 0}

    def original(self, file):
        import torch
        return {name: value.numpy() for name, value in torch.load(file).items() if value.ndim > 0}


class Keras:
    """A network of segmentation_models (Keras)."""
    suffix, weights = "h5", "--weights"

    def __init__(self, backbone, preprocess):
        self.net, self.backbone, self.preprocess = f"unet-{backbone}", backbone, preprocess
        self.needs = ("tf_keras", "segmentation_models")

    def make(self):
        import tf_keras
        tf_keras.utils.generic_utils = tf_keras.utils  # the one name of Keras 2 that segmentation_models looks for
        import segmentation_models as sm
        return sm.Unet(self.backbone, encoder_weights=None, classes=CLASSES, activation="linear")

    def save(self, folder):
        import tf_keras
        tf_keras.utils.set_random_seed(SEED)
        model = self.make()
        draw = np.random.default_rng(SEED)
        for layer in model.layers:
            if isinstance(layer, tf_keras.layers.BatchNormalization):
                *scale, mean, variance = layer.get_weights()
                layer.set_weights([*scale, draw.uniform(-0.1, 0.1, mean.shape), draw.uniform(0.5, 1.5, variance.shape)])
        file = os.path.join(folder, "original.h5")
        model.save_weights(file)
        return file

    def load(self, file):
        model = self.make()
        model.load_weights(file)
        return model

    def logits(self, model, image):
        return model.predict(self.preprocess(image.astype(np.float32))[None], verbose=0)[0]

    def tensors(self, model):
        return {f"{layer.name}/{variable.name}": variable.numpy()
                for layer in model.layers for variable in layer.weights}

    def original(self, file):
        return self.tensors(self.load(file))


def deeplab():
    import torchvision
    return torchvision.models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=True,
                                                              num_classes=CLASSES)


def resnet34():
    import torchvision
    return torchvision.models.resnet34(weights=None)


def smp_unet():
    import segmentation_models_pytorch as smp
    return smp.Unet("resnet34", encoder_weights=None, classes=CLASSES)


def dynamic_unet():
    import torch
    from fastai.vision.models.unet import DynamicUnet
    body = torch.nn.Sequential(*list(resnet34().children())[:-2])
    return DynamicUnet(body, n_classes=CLASSES, img_size=(SIZE, SIZE), blur=False, blur_final=True,
                       self_attention=False, y_range=None, norm_type=None, last_cross=True, bottle=False)


FAMILIES = {
    "torchvision": Torch("deeplabv3-resnet50", ("torchvision",), deeplab),
    "smp": Torch("smp-unet-resnet34", ("segmentation_models_pytorch",), smp_unet),
    "fastai": Torch("dynamic-unet-resnet34", ("fastai",), dynamic_unet),
    "torchvision-encoder": Torch("smp-unet-resnet34", ("torchvision", "segmentation_models_pytorch"), smp_unet,
                                 resnet34),
    "keras-resnet34": Keras("resnet34", lambda image: image),
    "keras-vgg16": Keras("vgg16", lambda image: image[..., ::-1] - np.float32([103.939, 116.779, 123.68])),
}


def round_trip(name, camber, folder):
    family = FAMILIES[name]

    def run(*arguments):
        result = subprocess.run([camber, *map(str, arguments)], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{name}: camber {arguments[0]}: {result.stderr.strip()}")
        return result.stdout

    at = lambda file: os.path.join(folder, file)
    source = family.save(folder)
    # Classes the file's network has (a classifier's are its own business), as the data has.
    imported = run("import", "--net", family.net, "--classes", CLASSES, family.weights, source, "--out",
                   at("imported.safetensors"), *([] if family.weights == "--encoder-weights" else ["--strict"]))
    run("data", "synth", "--out", at("data"), "--train", 2, "--val", 1, "--size", f"{SIZE}x{SIZE}")
    run("train", "--net", family.net, "--weights", at("imported.safetensors"), "--data", at("data"),
        "--out", at("run"), "--size", f"{SIZE}x{SIZE}", "--batch", 2, "--epochs", 1, "--epoch-batches", 1,
        "--lr", "1e-4", "--schedule",
        "constant",
        "--device", "cpu")
    exported = at(f"exported.{family.suffix}")
    run("export", "--checkpoint", at("run/last.safetensors"), "--out", exported)

    draw = np.random.default_rng(SEED)
    small = Image.fromarray(draw.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    image = np.array(small.resize((SIZE, SIZE), Image.BICUBIC))
    Image.fromarray(image).save(at("picture.png"))
    run("predict", "--checkpoint", at("run/last.safetensors"), "--out", at("predicted"), "--device", "cpu",
        at("picture.png"))
    labels = np.array(Image.open(at("predicted/picture_labels.png")))

    model = family.load(exported)
    logits = family.logits(model, image)
    best = np.sort(logits, axis=-1)
    clear = best[..., -1] - best[..., -2] > MARGIN * np.abs(logits).max()
    wrong = int((labels != logits.argmax(-1))[clear].sum())
    after, before = family.tensors(model), family.original(source)
    if family.weights == "--encoder-weights":
        before = {f"encoder.{key}": value for key, value in before.items() if not key.startswith("fc.")}
    missing = set(before) - set(after)
    changed = sum(not np.array_equal(before[key], after[key]) for key in before)
    moved = max(float(np.abs(before[key] - after[key]).max())
                for key in before if "running" not in key and "moving" not in key)
    print(f"{name}: {family.net}: {imported.splitlines()[0].split(': ', 1)[1]}; "
          f"{changed} of {len(before)} tensors changed "
          f"by the step, weights by {moved:.1e} at most; {wrong} of {int(clear.sum())} clear pixels of {labels.size} "
          f"differ, {len(np.unique(labels))} classes in the picture")
    if wrong or missing or not 0.9 * len(before) < changed or not 0 < moved < 0.1 or clear.mean() < 0.9:
        sys.exit(f"{name}: the round trip failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--camber", default="build/camber")
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    arguments = parser.parse_args()
    for name in arguments.families:
        if name not in FAMILIES:
            parser.error(f"there is no family '{name}': {', '.join(FAMILIES)}")
    there = [name for name, family in FAMILIES.items()
             if all(importlib.util.find_spec(module) for module in family.needs)]
    if not (arguments.families or there):
        sys.exit("none of the libraries is there; tests/fixtures/README.md says what to install")
    for name in arguments.families or there:
        with tempfile.TemporaryDirectory() as folder:
            round_trip(name, os.path.abspath(arguments.camber), folder)


if __name__ == "__main__":
    main()
