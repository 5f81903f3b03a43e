#!/usr/bin/env python3
"""A street scene judged from Python, cell by cell: every `# %%` is a cell in Visual Studio Code, Spyder and PyCharm, or
of a notebook made by `jupytext --to notebook street.py`.

    python3 street.py CHECKPOINT PICTURE OUT.png
"""

# %% The package needs NumPy alone.
import sys

import numpy as np

import camber

checkpoint, picture, out = sys.argv[1:]  # in a notebook: the names themselves

# %% A model: what it takes and what it tells apart
model = camber.Model(checkpoint)
print(model)
print("frames are resized to", model.input_size, "and normalised by", model.mean, model.std)
print(", ".join(f"{known.id} {known.name}" for known in model.classes))

# %% A frame: any array [height, width, 3] of bytes, from a camera, OpenCV (turned to RGB), Pillow or here
frame = camber.read_picture(picture)
print("a frame of", frame.shape)

# %% Its label map, and what share of it each class has
labels, _, probabilities = model.run(frame, probabilities=True)
shares = np.bincount(labels.ravel(), minlength=len(model.classes)) / labels.size
for known in sorted(model.classes, key=lambda known: -shares[known.id]):
    if shares[known.id] > 0:
        print(f"{known.name:12} {shares[known.id]:6.1%}")

# %% Where it does not know: the entropy of the probabilities, 1 where all classes are as likely
entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-30))).sum(-1) / np.log(len(model.classes))
print(f"doubt: {entropy.mean():.2f} on the average, {entropy.max():.2f} at most")

# %% Classes painted over the frame, the more faintly the greater the doubt
strength = 0.6 * (1 - entropy[..., np.newaxis])
painted = (1 - strength) * frame + strength * model.palette[labels]
camber.write_png(out, painted.astype(np.uint8))
print("painted:", out)

# %% The end; `with camber.Model(checkpoint) as model:` does it by itself
model.close()
