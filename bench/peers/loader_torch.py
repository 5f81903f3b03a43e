"""PyTorch's DataLoader with Pillow on a dataset in SegNet's layout: decodes, crops, flips, jitters and normalises as
Camber's loader does with its defaults. Prints a line of JSON."""
import argparse
import json
import multiprocessing
import os
import random
import time

import numpy as np
import torch
from PIL import Image, ImageEnhance, __version__ as pillow_version
from torch.utils.data import DataLoader, Dataset

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def cpu_seconds(processes):
    """Of the processes so far, by Linux's count."""
    total = 0
    for process in processes:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            total += sum(int(ticks) for ticks in file.read().rsplit(")", 1)[1].split()[11:13])
    return total / os.sysconf("SC_CLK_TCK")


class Frames(Dataset):
    def __init__(self, folder, size):
        self.height, self.width = size
        with open(os.path.join(folder, "train.txt"), encoding="utf-8") as lines:
            self.pairs = [[os.path.join(folder, name) for name in line.split()] for line in lines]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image, label = (Image.open(name) for name in self.pairs[index])
        scale = 0.75 * (2 / 0.75) ** random.random()
        width, height = image.width / scale, image.height / scale
        # Pillow's boxes end at the frame: where the crop is larger, the frame is taken whole.
        width, height = min(width, image.width), min(height, image.height)
        left, top = random.uniform(0, image.width - width), random.uniform(0, image.height - height)
        box = (left, top, left + width, top + height)
        image = image.convert("RGB").resize((self.width, self.height), Image.Resampling.BILINEAR, box)
        label = label.resize((self.width, self.height), Image.Resampling.NEAREST, box)
        if random.random() < 0.5:
            image, label = (x.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for x in (image, label))
        for jitter in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = jitter(image).enhance(random.uniform(0.75, 1.25))
        pixels = (np.asarray(image, np.float32) / 255 - MEAN) / STD
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy()), torch.from_numpy(np.array(label))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", default="360x480")
    parser.add_argument("--threads", type=int, default=2, help="worker processes")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    frames = Frames(options.data, [int(n) for n in options.size.split("x")])
    loader = DataLoader(frames, options.batch, shuffle=True, num_workers=options.threads, prefetch_factor=2,
                        persistent_workers=options.threads > 0)

    def batches():
        while True:
            yield from loader

    source = batches()

    def make(count):
        made = 0
        while made < count:
            made += next(source)[0].shape[0]

    make(options.pictures // 10)
    processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    start, cpu = time.perf_counter(), cpu_seconds(processes)
    make(options.pictures)
    cpu = cpu_seconds(processes) - cpu
    print(json.dumps({"system": "pytorch", "variant": f"{torch.__version__}, Pillow {pillow_version}",
                      "threads": options.threads,
                      "pictures_per_second": round(options.pictures / (time.perf_counter() - start), 1),
                      "pictures_per_cpu_second": round(options.pictures / cpu, 1)}))


if __name__ == "__main__":
    main()
