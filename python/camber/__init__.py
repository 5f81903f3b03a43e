"""Camber's trained segmentation networks applied to NumPy arrays.

    import camber

    with camber.Model("best.safetensors") as model:
        frame = camber.read_picture("street.jpg")        # [height, width, 3] uint8; any array of the kind will do
        labels = model.predict(frame)                    # [height, width] uint8, ids of model.classes
        camber.write_png("painted.png", model.palette[labels])

The library is the one that was installed with the package, or the one that CAMBER_LIBRARY names, or libcamber.so.1 of
the system.
"""

from ._library import BadArgument, BadFile, Error, NoDevice, OutOfMemory, version
from ._model import Class, Model, Prediction
from ._pictures import read_picture, write_png

__all__ = [
    "BadArgument",
    "BadFile",
    "Class",
    "Error",
    "Model",
    "NoDevice",
    "OutOfMemory",
    "Prediction",
    "read_picture",
    "version",
    "write_png",
]
__version__ = version()
