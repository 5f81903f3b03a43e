"""The C interface, as include/camber.h has it."""

import ctypes
import os
import pathlib
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_size_t, c_uint8, c_void_p


class Error(Exception):
    """What the library refuses or fails in, in its own line; `code` is the C interface's camber_status."""

    code = 5


class BadArgument(Error, ValueError):
    """The caller's mistake: a size, a name or an array that there cannot be."""

    code = 1


class BadFile(Error, OSError):
    """A file that is missing, truncated, damaged, or no checkpoint of a segmentation."""

    code = 2


class NoDevice(Error):
    """This build, machine or process cannot compute on the device."""

    code = 3


class OutOfMemory(Error, MemoryError):
    """In host memory or the GPU's."""

    code = 4


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("dtype", c_char_p),
        ("threads", c_int32),
        ("height", c_int32),
        ("width", c_int32),
        ("own_size", c_int32),
        ("tile_height", c_int32),
        ("tile_width", c_int32),
        ("overlap", c_float),
        ("flip", c_int32),
        ("scale_count", c_int32),
        ("scales", POINTER(c_double)),
    ]


class Description(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("network", c_char_p),
        ("device", c_char_p),
        ("dtype", c_char_p),
        ("resizing", c_char_p),
        ("table", c_char_p),
        ("threads", c_int32),
        ("height", c_int32),
        ("width", c_int32),
        ("size_multiple", c_int32),
        ("channels", c_int32),
        ("classes", c_int32),
        ("void_id", c_int32),
        ("mean", c_float * 3),
        ("std", c_float * 3),
    ]


class ClassDescription(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("colour", c_uint8 * 3)]


class Frame(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("pixels", c_void_p),
        ("height", c_int32),
        ("width", c_int32),
        ("channels", c_int32),
        ("row_bytes", c_size_t),
        ("labels", c_void_p),
        ("logits", c_void_p),
        ("probabilities", c_void_p),
    ]


def sized(struct, **fields):
    """A struct that knows its size, as the library wants it."""
    return struct(struct_size=ctypes.sizeof(struct), **fields)


def _open():
    own = pathlib.Path(__file__).with_name("libcamber.so")
    name = os.environ.get("CAMBER_LIBRARY") or (str(own) if own.exists() else "libcamber.so.1")
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(
            f"Camber's library cannot be loaded: {error}; install the package with `pip install .` in Camber's folder, "
            "or have CAMBER_LIBRARY name a libcamber.so.1"
        ) from error


library = _open()


def _declare(name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments


_declare("camber_version", c_char_p)
_declare("camber_error_text", c_char_p)
_declare("camber_open", c_int, c_char_p, POINTER(Options), POINTER(c_void_p))
_declare("camber_close", None, c_void_p)
_declare("camber_describe", c_int, c_void_p, POINTER(Description))
_declare("camber_describe_class", c_int, c_void_p, c_int32, POINTER(ClassDescription))
_declare("camber_run", c_int, c_void_p, POINTER(Frame))
_declare("camber_read_picture", c_int, c_char_p, c_int32, POINTER(c_void_p), POINTER(c_int32), POINTER(c_int32))
_declare("camber_free_picture", None, c_void_p)
_declare("camber_write_png", c_int, c_char_p, c_void_p, c_int32, c_int32, c_int32)


def check(status):
    """Raises what a call came to, in the library's words."""
    if status == 0:
        return
    text = library.camber_error_text().decode(errors="replace")
    for kind in (BadArgument, BadFile, NoDevice, OutOfMemory):
        if kind.code == status:
            raise kind(text)
    raise Error(text)


def version():
    """The library's."""
    return library.camber_version().decode()
