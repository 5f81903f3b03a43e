"""Every network out through every format that camber export writes, each opened by its own library, whose logits must
be Camber's to 1e-4, and back in bit for bit, with classes, void and preprocessing.

Usage: formats.py [--camber build/camber] [--logits build/tests/round_trip_logits] [--formats onnx,pth,...] [NET...]
`cmake --build build --target round_trip_logits` builds the second. Formats whose library is not there are skipped, and
it says so: onnx and onnxruntime; torch; keras (3, any backend) and h5py; tf_keras. The weights are the small networks
of tests/fixtures. Not part of the tests.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from safetensors.numpy import load_file, save_file

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
LIMIT = 1e-4
VGG = {"vgg16", "vgg16-bn", "keras-vgg16"}
TABLE = {"name": "own", "void": {"id": 200, "name": "nothing", "colour": [1, 2, 3]}}

# The network, its weights, and options of the import.
NETS = {
    "unet": ("weights/plain_unet.h5", []),
    "unet-2": ("weights/plain_unet_2.h5", []),
    **{f"{net}-{version}" if version else net: (f"nets/{net}{'-' if version else ''}{version}.{suffix}", [])
       for net, version, suffix in [
           ("unet-resnet34", "", "h5"), ("unet-resnet34", "transpose", "h5"), ("unet-vgg16", "", "h5"),
           ("unet-vgg16", "transpose", "h5"), ("unet-vgg16", "transpose-bn", "h5"),
           ("smp-unet-resnet34", "", "pth"), ("smp-unet-vgg16", "", "pth"), ("smp-unet-vgg16-bn", "", "pth"),
           ("dynamic-unet-resnet34", "", "pth"), ("dynamic-unet-resnet34", "fastai2", "pth"),
           ("deeplabv3-resnet50", "", "pth"), ("deeplabv3-resnet101", "", "pth"),
           ("resnet34", "", "pth"), ("resnet50", "", "pth"), ("resnet101", "", "pth"),
           ("vgg16", "", "pth"), ("vgg16-bn", "", "pth"),
           ("keras-resnet34", "", "h5"), ("keras-vgg16", "", "weights.h5")]},
}
OF_KERAS = {"unet", "unet-2", "unet-resnet34", "unet-resnet34-transpose", "unet-vgg16", "unet-vgg16-transpose",
            "unet-vgg16-transpose-bn", "keras-resnet34", "keras-vgg16"}


def is_there(*modules):
    return all(importlib.util.find_spec(module) for module in modules)


def base(name):
    """What --net is called."""
    for net in ("unet-resnet34", "unet-vgg16", "dynamic-unet-resnet34"):
        if name.startswith(net):
            return net
    return "unet" if name.startswith("unet") else name


class Round:
    """A network on its way."""

    def __init__(self, arguments, name, folder):
        self.camber, self.tool, self.name, self.folder = arguments.camber, arguments.logits, name, folder
        self.net = base(name)
        file, options = NETS[name]
        self.table = self.at("classes.json")
        self.run("import", "--net", self.net, "--weights", FIXTURES / file, "--out", self.at("plain.safetensors"),
                 *options)
        self.config = self.info("plain.safetensors")["config"]
        channels = self.config["net_options"]["classes"]
        count = 2 if channels == 1 else channels
        classes = [{"name": f"class {i}", "colour": [i, 255 - i, 7]} for i in range(count)]
        with open(self.table, "w") as out:
            json.dump({**TABLE, "classes": classes}, out)
        extra = [] if count > 200 else ["--class-table", self.table]
        size = [] if self.net in VGG else ["--size", "96x160"]
        self.run("import", "--net", self.net, "--weights", FIXTURES / file, "--out", self.at("c.safetensors"), *options,
                 *extra, *size)
        self.own_normalisation()

    def own_normalisation(self):
        """A mean and deviation that no default has, so that their return is seen."""
        from safetensors import safe_open
        path = self.at("c.safetensors")
        with safe_open(path, "np") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}
        info = json.loads(metadata["camber.checkpoint"])
        info["config"]["normalisation"] = {"mean": [0.25, 0.5, 0.125], "std": [0.5, 0.75, 0.625]}
        info.pop("checksums")  # whoever changes a checkpoint leaves them out
        metadata["camber.checkpoint"] = json.dumps(info)
        metadata.pop("camber.crc32c", None)
        save_file(tensors, path, metadata)

    def at(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        result = subprocess.run([self.camber, *map(str, arguments)], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{self.name}: camber {arguments[0]}: {result.stderr.strip()}")
        return result.stdout

    def info(self, file):
        from safetensors import safe_open
        with safe_open(self.at(file), "np") as opened:
            return json.loads(opened.metadata()["camber.checkpoint"])

    def image(self, height, width, batch=2):
        draw = np.random.default_rng(height * 1000 + width)
        channels = self.config["net_options"].get("in_channels", 3)
        return draw.normal(size=(batch, height, width, channels)).astype(np.float32)

    def logits(self, image):
        save_file({"image": image}, self.at("in.safetensors"))
        result = subprocess.run([self.tool, self.at("c.safetensors"), self.at("in.safetensors"),
                                 self.at("out.safetensors")], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{self.name}: {result.stderr.strip()}")
        return load_file(self.at("out.safetensors"))["logits"]

    def export(self, name, *options):
        self.run("export", "--checkpoint", self.at("c.safetensors"), "--out", self.at(name), *options)
        return self.at(name)

    def check_back(self, file, what):
        """Imports what was exported and compares everything."""
        self.run("import", "--net", self.net, "--weights", self.at(file), "--out", self.at("back.safetensors"))
        before, after = load_file(self.at("c.safetensors")), load_file(self.at("back.safetensors"))
        if what == "onnx":  # has no heads that only training uses
            before = {key: value for key, value in before.items() if "aux_classifier" not in key}
        wrong = [key for key in before.keys() | after.keys()
                 if key not in after or key not in before or not np.array_equal(before[key], after[key])]
        if wrong:
            sys.exit(f"{self.name}: {what}: {len(wrong)} tensors do not come back, {wrong[0]} for one")
        one, other = self.info("c.safetensors"), self.info("back.safetensors")
        for key in ("height", "width", "normalisation"):
            if one["config"][key] != other["config"][key]:
                sys.exit(f"{self.name}: {what}: {key} does not come back")
        if one["extra"].get("classes") != other["extra"].get("classes"):
            sys.exit(f"{self.name}: {what}: classes do not come back")
        return len(before)

    def compare(self, what, actual, expected):
        actual, expected = np.asarray(actual), np.asarray(expected)
        if actual.size != expected.size:
            sys.exit(f"{self.name}: {what}: {actual.shape} in the place of {expected.shape}")
        error = float(np.abs(actual.reshape(expected.shape) - expected).max() / np.abs(expected).max())
        if not error < LIMIT:
            sys.exit(f"{self.name}: {what}: logits differ by {error:.1e} of the largest")
        return error


def planes(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def check_onnx(r):
    import onnx
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    vgg = r.net in VGG
    sizes = [(224, 224), (224, 448)] if vgg else [(64, 96), (77, 131), (33, 65), (50, 47)]
    worst = 0.0

    def session(file):
        onnx.checker.check_model(onnx.load(file), full_check=True)
        return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])

    for height, width in sizes:
        image = r.image(height, width, 1)
        expected = r.logits(image)
        expected = expected.reshape(1, -1) if expected.shape[1] == 1 else planes(expected)
        fixed = ["--size", f"{height}x{width}", "--batch", 1]
        for options in ([fixed] if vgg else [[], fixed]):
            for fold in ([], ["--fold-batch-norms"]):
                file = r.export("m.onnx", *options, *fold)
                result = session(file).run(None, {"image": planes(image)})[0]
                if result.shape != expected.shape:
                    sys.exit(f"{r.name}: onnx: {result.shape} in the place of {expected.shape}")
                worst = max(worst, r.compare(f"onnx {options} {fold} {height}x{width}", result, expected))
    if not vgg:  # several pictures at a time
        image = r.image(45, 70, 3)
        result = session(r.export("m.onnx")).run(None, {"image": planes(image)})[0]
        worst = max(worst, r.compare("onnx, three pictures", np.moveaxis(result, 1, -1) if result.ndim == 4 else result,
                                     r.logits(image)))
    channels = r.config["net_options"].get("in_channels", 3)
    if channels == 3:
        height, width = sizes[0]
        pixels = np.random.default_rng(1).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        n = r.info("c.safetensors")["config"]["normalisation"]
        image = ((pixels / 255 - n["mean"]) / n["std"]).astype(np.float32)
        expected = r.logits(image)
        fixed = ["--size", f"{height}x{width}"] if vgg else []
        result = session(r.export("m.onnx", "--preprocess", *fixed)).run(None, {"image": pixels})[0]
        worst = max(worst, r.compare("onnx with preprocessing",
                                     np.moveaxis(result, 1, -1) if result.ndim == 4 else result, expected))
        labels = session(r.export("m.onnx", "--preprocess", "--argmax", *fixed)).run(None, {"image": pixels})[0]
        best = expected[..., 0] > 0 if expected.shape[-1] == 1 else expected.argmax(-1)
        ordered = np.sort(expected, axis=-1)
        margin = np.abs(ordered[..., -1] - (ordered[..., -2] if expected.shape[-1] > 1 else 0))
        clear = margin > LIMIT * np.abs(expected).max()
        if (labels.reshape(best.shape) != best)[clear].any():
            sys.exit(f"{r.name}: onnx with argmax: other labels")
    meta = {entry.key: entry.value for entry in onnx.load(r.at("m.onnx")).metadata_props}
    if not {"camber", "network", "preprocessing"} <= meta.keys():
        sys.exit(f"{r.name}: onnx: metadata {sorted(meta)}")
    r.export("m.onnx", *(["--size", "224x224"] if vgg else []))
    return f"worst {worst:.1e}, {r.check_back('m.onnx', 'onnx')} tensors back"


def check_pth(r):
    import torch
    state = torch.load(r.export("m.pth"), weights_only=True)
    expected = load_file(r.export("m.safetensors"))
    if state.keys() != expected.keys() or any(not np.array_equal(state[k].numpy(), expected[k]) for k in expected):
        sys.exit(f"{r.name}: pth: other tensors")
    r.check_back("m.safetensors", "safetensors")
    more = ""
    if r.net.startswith(("resnet", "vgg", "deeplab")) and is_there("torchvision"):
        more = torchvision_logits(r, state)
    return f"{r.check_back('m.pth', 'pth')} tensors back{more}"


def torchvision_logits(r, state):
    """Where the fixture has the original's width."""
    import torch
    import torchvision
    models = torchvision.models
    classes = r.config["net_options"]["classes"]
    try:
        if r.net.startswith("deeplab"):
            model = getattr(models.segmentation, r.net.replace("-", "_"))(
                weights=None, weights_backbone=None, num_classes=classes, aux_loss=True)
        else:
            model = getattr(models, r.net.replace("-", "_"))(weights=None, num_classes=classes)
        model.load_state_dict(state)
    except RuntimeError:
        return ", too narrow for torchvision's class"
    image = r.image(224, 224, 1)
    with torch.no_grad():
        y = model.eval()(torch.tensor(planes(image)))
    y = (y["out"] if isinstance(y, dict) else y).numpy()
    return f", torchvision {r.compare('pth', np.moveaxis(y, 1, -1) if y.ndim == 4 else y, r.logits(image)):.1e}"


def keras_image(r, image):
    """The channels in the original's order."""
    return image[..., ::-1] if "vgg16" in r.net and r.config["net_options"].get("input") != "unit" else image


def check_keras(r):
    import keras
    size = (224, 224) if r.net in VGG else (64, 96)
    image = r.image(*size)
    expected = r.logits(image)
    model = keras.models.load_model(r.export("m.keras"))
    error = r.compare("keras", model.predict(keras_image(r, image), verbose=0), expected)
    for layer in model.layers:  # so that what is loaded next is seen
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    errors = []
    for file in ("m.weights.h5", "m.h5"):
        model.load_weights(r.export(file))
        errors.append(r.compare(file, model.predict(keras_image(r, image), verbose=0), expected))
    back = [r.check_back(file, file[2:]) for file in ("m.keras", "m.weights.h5", "m.h5")]
    return f".keras {error:.1e}, .weights.h5 {errors[0]:.1e}, .h5 {errors[1]:.1e}, {back[0]} tensors back"


def tf_keras_model(archive):
    """The model of a .keras archive in Keras 2's library, which does not read these, without weights."""
    import zipfile

    import tf_keras
    with zipfile.ZipFile(archive) as file:
        config = json.loads(file.read("config.json"))["config"]
    made = {}

    def argument(value):
        if isinstance(value, list):
            return [argument(element) for element in value]
        return made[value["config"]["keras_history"][0]]

    for layer in config["layers"]:
        given = layer["config"]
        if layer["class_name"] == "InputLayer":
            made[layer["name"]] = tf_keras.Input(given["batch_shape"][1:], name=layer["name"])
            continue
        plain = {key: value for key, value in given.items() if not isinstance(value, dict) and value is not None}
        plain.pop("dtype", None)
        (node,) = layer["inbound_nodes"]
        made[layer["name"]] = getattr(tf_keras.layers, layer["class_name"])(**plain)(*map(argument, node["args"]))
    flat = [config[key][0] if isinstance(config[key][0], list) else config[key]
            for key in ("input_layers", "output_layers")]
    return tf_keras.Model(made[flat[0][0]], made[flat[1][0]])


def check_tf_keras(r):
    size = (224, 224) if r.net in VGG else (64, 96)
    image = r.image(*size)
    expected = r.logits(image)
    model = tf_keras_model(r.export("m.keras"))
    model.load_weights(r.export("m.h5"))
    return f".h5 {r.compare('h5', model.predict(keras_image(r, image), verbose=0), expected):.1e}"


CHECKS = {
    "onnx": (check_onnx, ("onnx", "onnxruntime"), lambda name: True),
    "pth": (check_pth, ("torch",), lambda name: True),
    "keras": (check_keras, ("keras", "h5py"), lambda name: name in OF_KERAS),
    "tf_keras": (check_tf_keras, ("tf_keras", "h5py"), lambda name: name in OF_KERAS),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--camber", default="build/camber")
    parser.add_argument("--logits", default="build/tests/round_trip_logits")
    parser.add_argument("--formats", default=",".join(CHECKS))
    parser.add_argument("nets", nargs="*", metavar="NET", help=", ".join(NETS))
    arguments = parser.parse_args()
    arguments.camber, arguments.logits = os.path.abspath(arguments.camber), os.path.abspath(arguments.logits)
    for name in arguments.nets:
        if name not in NETS:
            parser.error(f"there is no network '{name}' here: {', '.join(NETS)}")
    formats = []
    for name in arguments.formats.split(","):
        if is_there(*CHECKS[name][1]):
            formats.append(name)
        else:
            print(f"{name}: skipped, {' and '.join(CHECKS[name][1])} are not there")
    for name in arguments.nets or NETS:
        with tempfile.TemporaryDirectory() as folder:
            r = Round(arguments, name, folder)
            for kind in formats:
                check, _, concerns = CHECKS[kind]
                if concerns(name):
                    print(f"{name}: {kind}: {check(r)}", flush=True)


if __name__ == "__main__":
    main()
