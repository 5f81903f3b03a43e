"""jpeg_copy.py FROM TO: a dataset in SegNet's layout with its frames as JPEGs of quality 90; labels are linked."""
import os
import sys

from PIL import Image

source, target = (os.path.abspath(name) for name in sys.argv[1:3])
for split in ("train", "val"):
    os.makedirs(f"{target}/{split}", exist_ok=True)
    os.symlink(f"{source}/{split}annot", f"{target}/{split}annot")
    names = [os.path.splitext(name)[0] for name in sorted(os.listdir(f"{source}/{split}"))]
    for name in names:
        Image.open(f"{source}/{split}/{name}.png").convert("RGB").save(f"{target}/{split}/{name}.jpg", quality=90)
    with open(f"{target}/{split}.txt", "w", encoding="utf-8") as lines:
        lines.writelines(f"{split}/{name}.jpg {split}annot/{name}.png\n" for name in names)
os.symlink(f"{source}/classes.json", f"{target}/classes.json")
