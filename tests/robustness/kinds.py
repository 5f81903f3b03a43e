"""The kinds of files that camber reads: whole ones, and a command that reads each."""

import base64
import json
import os
import shutil
import subprocess

import mutations
import torch_files
from mutations import BINARY, JSON, TEXT, mutated

# 32x24, as stb_image_write makes it.
JPEG = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/2wCEAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO
UlNSMj5aYVpQYEpRUk8BDg4OExETJhUVJk81LTVPT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P
T09PT//AABEIABgAIAMBIgACEQEDEQH/xAGiAAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQEC
AwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVm
Z2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq
8fLz9PX29/j5+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIy
gQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SF
hoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4+fr/2gAMAwEA
AhEDEQA/AOFitPateK09q0YrT2pYrT2ruqYn6h/e5vlt9/cxwuL5zNitPateK09q0orT2oitPauOpifqH97m+W339z6TC4vnIYrT
2rXitPaqkVa8VcOXVJe/8v1PzqhVloU4rT2rXitPaqsVa8VceXVJe/8AL9T6ShVlof/Z
""")

# 20x24 grey, of six scans with restart markers.
PROGRESSIVE_JPEG = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hn
Pk1xeXBkeFxlZ2P/wgALCAAYABQBAREA/8QAFgAAAwAAAAAAAAAAAAAAAAAAAwQF/90ABAAC/9oACAEBAAAAAXo3/9AVT//RUN//0n4v
/9Mf/8QAFxABAQEBAAAAAAAAAAAAAAAAMgMEM//aAAgBAQABBQKfPQ//0JiY/9G6mf/SmNC//9OY/8QAFRABAQAAAAAAAAAAAAAAAAAA
EAD/2gAIAQEABj8CP//QP//RP//SP//Tv//EABsQAAMAAgMAAAAAAAAAAAAAAAABESFBkaGx/9oACAEBAAE/IdgkH//QeIcp/9HvEq4R
/9Jh7n//01qU/9oACAEBAAAAEL//0L//0b//0n//0/8A/8QAHBABAAMBAQEBAQAAAAAAAAAAAQARIUExsVGR/9oACAEBAAE/ED6F2dlw
0lPGf//Q5jW4QvtDHznyf//R2bClGUfKf//SwgbVu+RdUfxU/9PMNH9n/9k=
""")

# Of pictures of 32x48.
COCO = json.dumps({
    "images": [{"id": 1, "file_name": "00000.png", "height": 32, "width": 48}, {"id": 2, "file_name": "00001.png"}],
    "categories": [{"id": 3, "name": "road"}, {"id": 4, "name": "car"}],
    "annotations": [{"image_id": 1, "category_id": 3, "segmentation": [[1, 1, 40, 1, 40, 30, 1, 30]]},
                    {"image_id": 1, "category_id": 4, "segmentation": {"counts": ">240f0", "size": [32, 48]}},
                    {"image_id": 2, "category_id": 4, "iscrowd": 1,
                     "segmentation": {"counts": [14, 2, 4, 2, 1514], "size": [32, 48]}}]}).encode()
LABELME = json.dumps({
    "imagePath": "..\\\\photos\\\\00000.png", "imageHeight": 32, "imageWidth": 48,
    "shapes": [{"label": "road", "points": [[1, 1], [40, 1], [40.5, 30]], "shape_type": "polygon"},
               {"label": "car", "points": [[4, 4], [9, 9]], "shape_type": "circle"}]}).encode()
CVAT = b"""<?xml version="1.0"?><annotations><image id="0" name="00000.png" width="48" height="32">
<box label="car" xtl="2" ytl="2" xbr="4" ybr="4" z_order="1" rotation="30.5"></box>
<ellipse label="car" cx="9" cy="9" rx="4" ry="2.5"/>
<mask label="car" rle="1, 3, 2" left="5" top="6" width="2" height="3"/>
<polygon label="a &amp; b" points="1,1;5.5,1;5,4;1,4" z_order="0"/></image></annotations>"""
COLOURS = b"name,r,g,b\r\nSky,128,128,128\r\nRoad,128,64,128\r\nVoid,0,0,0\r\n"

# Of other networks: what they hold is listed and refused.
ARCHIVES = ("torch_zip", "torch_checkpoint", "torch_fastai", "torch_module")


class Kind:
    """`seeds` are whole files' bytes. `damage(data, random)` gives a damaged one. `command(folder, data)` puts it into
    a folder, and gives the arguments of what reads it and the paths that it may write. `endless`: what reads it is a
    run, which may rightly be long."""

    def __init__(self, name, seeds, damage, command, endless=False):
        self.name, self.seeds, self.damage, self.command, self.endless = name, seeds, damage, command, endless


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def checked(seed):
    """Half of them without checksums."""
    return [seed, mutations.without_checksums(seed)]


def archives(seed):
    """A zip archive with its checksums, and without any, so that damage to its members is read."""
    return [seed, mutations.without_zip_checksums(seed)]


class Workshop:
    """A folder with a dataset, a run and the files of weights that the kinds start from."""

    def __init__(self, camber, fixtures, folder):
        self.camber, self.folder = camber, folder
        self.data, self.run = f"{folder}/data", f"{folder}/run"
        self._camber("data", "synth", "--out", self.data, "--train", "4", "--val", "2", "--size", "32x48")
        self._camber("train", "--data", self.data, "--out", self.run, "--width", "2", "--size", "16x32", "--batch", "2",
                     "--epochs", "2", "--schedule", "constant", "--pictures", "1")
        self.best, self.last = f"{self.run}/best.safetensors", f"{self.run}/last.safetensors"
        weights = f"{fixtures}/weights"
        own = torch_files.tensors_of(self._exported("safetensors")[0])
        self.kinds = [
            self._weights("pth", [*archives(torch_files.archive(own)),
                                  *(file for n in ARCHIVES for file in archives(read(f"{weights}/{n}.pth")))]),
            self._weights("stream", [torch_files.stream(own), read(f"{weights}/torch_stream.pth")]),
            self._weights("h5", [*(read(f"{weights}/{n}.h5") for n in ("keras1", "keras2")), *self._exported("h5")]),
            self._weights("weights.h5", [read(f"{weights}/keras3.weights.h5"), *self._exported("weights.h5")]),
            self._weights("keras", [*archives(read(f"{fixtures}/nets/unet-vgg16.keras")),
                                    *archives(read(f"{weights}/plain_unet.keras"))]),
            self._weights("pt2", [*archives(read(f"{weights}/torch_export.pt2"))]),
            self._weights("onnx", self._exported("onnx")),
            self._weights("safetensors", checked(self._exported("safetensors")[0]), self._damaged_safetensors),
            Kind("png", self._pictures(), self._damaged_png, self._picture),
            Kind("label", [read(f"{self.data}/trainannot/{n}") for n in os.listdir(f"{self.data}/trainannot")],
                 self._damaged_png, self._label),
            Kind("jpeg", [JPEG, PROGRESSIVE_JPEG], lambda data, random: mutated(data, random, BINARY), self._picture),
            Kind("list", [read(f"{self.data}/train.txt")], self._damaged_text, self._in_dataset("train.txt")),
            Kind("classes", [read(f"{self.data}/classes.json")], self._damaged_json, self._in_dataset("classes.json")),
            Kind("colours", self._colour_labels(), self._damaged_png, self._in_own("masks/00000.png")),
            Kind("csv", [COLOURS, self._codes()], self._damaged_text, self._in_own("classes.csv")),
            Kind("names", [b"00000.png\r\n'00001'\n",
                           b"# x\nimages/00000.png\tmasks/00000.png\nC:\\x\\00001.png\n"], self._damaged_text,
                 self._in_own("train.txt")),
            Kind("coco", [COCO], self._damaged_json, self._drawn("drawn.json")),
            Kind("labelme", [LABELME], self._damaged_json, self._drawn("drawn.json")),
            Kind("cvat", [CVAT], self._damaged_text, self._drawn("drawn.xml")),
            Kind("tsv", [read(f"{fixtures}/keras_unet_2x2.tsv"), read(f"{fixtures}/published_keras_unet_256.tsv")],
                 self._damaged_text, self._table),
            Kind("checkpoint", checked(read(self.best)), self._damaged_safetensors, self._checkpoint),
            Kind("resumed", checked(read(self.last)), self._damaged_safetensors, self._in_run("last.safetensors"),
                 True),
            Kind("config", [read(f"{self.run}/config.json")], self._damaged_json, self._in_run("config.json"), True),
            Kind("metrics", [read(f"{self.run}/metrics.jsonl")], self._damaged_text, self._in_run("metrics.jsonl"),
                 True),
        ]

    def _camber(self, *arguments):
        subprocess.run([self.camber, *arguments], check=True, stdout=subprocess.DEVNULL)

    def _exported(self, extension):
        """The run's network as another library's file; none in a build that cannot write it."""
        path = f"{self.folder}/own.{extension}"
        done = subprocess.run([self.camber, "export", "--checkpoint", self.best, "--out", path],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return [read(path)] if done.returncode == 0 else []

    @staticmethod
    def _weights(name, seeds, damage=None):
        def command(folder, data):
            path, out = write(f"{folder}/weights", data), f"{folder}/out.safetensors"
            return ["import", "--weights", path, "--net", "unet", "--net-option", "width=2", "--partial", "--out",
                    out], [out]

        return Kind(name, seeds, damage or (lambda data, random: mutated(data, random, BINARY)), command)

    def _pictures(self):
        folder = f"{self.data}/train"
        return [read(f"{folder}/{name}") for name in os.listdir(folder)]

    @staticmethod
    def _damaged_png(data, random):
        damaged = mutated(data, random, BINARY)
        return mutations.with_png_checksums(damaged) if random.random() < 0.7 else damaged

    @staticmethod
    def _damaged_text(data, random):
        return mutated(data, random, TEXT)

    @staticmethod
    def _damaged_json(data, random):
        return mutated(data, random, JSON)

    @staticmethod
    def _damaged_safetensors(data, random):
        kind = random.random()
        if kind < 0.35:
            return mutated(data, random, BINARY)
        header, rest = mutations.header_of(data)
        fields = json.loads(header)
        info = fields["__metadata__"].get("camber.checkpoint")
        if info and kind < 0.7:  # what a checkpoint says of its run
            damaged = mutated(info.encode(), random, JSON).decode("latin-1")
            fields["__metadata__"]["camber.checkpoint"] = damaged
            return mutations.with_header(json.dumps(fields).encode(), rest)
        return mutations.with_header(mutated(header, random, JSON), rest)

    def _picture(self, folder, data):
        picture, out = write(f"{folder}/picture.png", data), f"{folder}/out"
        return ["predict", "--checkpoint", self.best, "--out", out, picture], [out]

    def _dataset(self, folder):
        copy = f"{folder}/data"
        shutil.copytree(self.data, copy)
        return copy

    def _label(self, folder, data):
        copy = self._dataset(folder)
        write(f"{copy}/trainannot/{sorted(os.listdir(copy + '/trainannot'))[0]}", data)
        return ["eval", "--checkpoint", self.best, "--data", copy, "--split", "train"], []

    def _in_dataset(self, name):
        def command(folder, data):
            copy = self._dataset(folder)
            write(f"{copy}/{name}", data)
            return ["data", "info", copy], []

        return command

    def _codes(self):
        """A table of the colours of the run's classes, as the label maps of _colour_labels() have them."""
        table = json.loads(read(f"{self.data}/classes.json"))
        lines = [",".join([c["name"], *map(str, c["colour"])]) for c in [*table["classes"], table["void"]]]
        return "\n".join(lines).encode()

    def _colour_labels(self):
        """Label maps in colours, and the folder images/, masks/, classes.csv of them."""
        self.own = f"{self.folder}/own"
        self._camber("predict", "--checkpoint", self.best, "--out", f"{self.folder}/painted", f"{self.data}/train")
        os.makedirs(f"{self.own}/masks")
        shutil.copytree(f"{self.data}/train", f"{self.own}/images")
        for name in os.listdir(f"{self.own}/images"):
            shutil.copy(f"{self.folder}/painted/{name[:-4]}_colours.png", f"{self.own}/masks/{name}")
        write(f"{self.own}/classes.csv", self._codes())
        return [read(f"{self.own}/masks/{name}") for name in sorted(os.listdir(f"{self.own}/masks"))]

    def _in_own(self, name):
        def command(folder, data):
            copy = f"{folder}/own"
            shutil.copytree(self.own, copy)
            write(f"{copy}/{name}", data)
            return ["data", "info", copy], []

        return command

    def _drawn(self, name):
        def command(folder, data):
            drawn = write(f"{folder}/{name}", data)
            out = f"{folder}/out"
            return ["data", "convert", drawn, "--images", f"{self.data}/train", "--out", out], []

        return command

    def _table(self, folder, data):
        return ["summary", "--net", "unet", "--audit", write(f"{folder}/table.tsv", data)], []

    def _checkpoint(self, folder, data):
        return ["eval", "--checkpoint", write(f"{folder}/checkpoint", data)], []

    def _in_run(self, name):
        def command(folder, data):
            run = f"{folder}/run"
            shutil.copytree(self.run, run)
            if name == "config.json":  # is read where there is no checkpoint yet
                os.remove(f"{run}/last.safetensors")
                os.remove(f"{run}/best.safetensors")
                os.remove(f"{run}/metrics.jsonl")
            write(f"{run}/{name}", data)
            more = [] if name == "config.json" else ["--epochs", "3"]
            return ["train", "--resume", "--out", run, *more], [f"{run}/last.safetensors", f"{run}/best.safetensors"]

        return command
