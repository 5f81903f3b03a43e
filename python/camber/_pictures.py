"""Pictures as the command `camber` reads and writes them."""

import ctypes
import os

import numpy as np

from . import _library
from ._library import BadArgument, check, library


def as_pixels(array, name):
    """[height, width] or [height, width, channels] bytes whose pixels lie side by side in rows; and the channels."""
    array = np.asarray(array)
    if array.dtype != np.uint8:
        raise BadArgument(f"{name} is an array of {array.dtype}; uint8 is wanted, 0 to 255")
    if array.ndim not in (2, 3):
        raise BadArgument(f"{name} has the shape {array.shape}; (height, width[, channels]) is wanted")
    channels = 1 if array.ndim == 2 else array.shape[2]
    pixel = (1,) if array.ndim == 2 else (channels, 1)
    if array.size and (array.strides[1:] != pixel or array.strides[0] < array.shape[1] * channels):
        array = np.ascontiguousarray(array)
    return array, channels


def read_picture(file, channels=3):
    """A PNG or JPEG, upright: uint8 [height, width, channels], of 3 (RGB) or 4 (RGBA); [height, width] of 1 (grey)."""
    pixels, height, width = ctypes.c_void_p(), ctypes.c_int32(), ctypes.c_int32()
    check(library.camber_read_picture(os.fsencode(file), channels, pixels, height, width))
    try:
        shape = (height.value, width.value, channels)[: 2 if channels == 1 else 3]
        view = np.ctypeslib.as_array(ctypes.cast(pixels, ctypes.POINTER(ctypes.c_uint8)), shape)
        return view.copy()
    finally:
        library.camber_free_picture(pixels)


def write_png(file, picture):
    """Writes [height, width, 3] colours or [height, width] ids or grey; no half-written file is ever seen."""
    array, channels = as_pixels(picture, "the picture")
    array = np.ascontiguousarray(array)
    check(library.camber_write_png(os.fsencode(file), array.ctypes.data, *array.shape[:2], channels))
