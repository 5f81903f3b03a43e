"""A checkpoint that was opened."""

import ctypes
import operator
import os
import threading
from typing import NamedTuple, Optional, Tuple

import numpy as np

from ._library import BadArgument, ClassDescription, Description, Frame, Options, check, library, sized
from ._pictures import as_pixels


class Class(NamedTuple):
    """What an id of a label map means."""

    id: int
    name: str
    colour: Tuple[int, int, int]


class Prediction(NamedTuple):
    """What a network gives for a frame; None for what was not asked for."""

    labels: np.ndarray  #: uint8 [height, width]
    logits: Optional[np.ndarray]  #: float32 [height, width, classes]
    probabilities: Optional[np.ndarray]  #: likewise, their softmax


def _whole(value):
    """ctypes would cut off what an int32 does not hold."""
    number = operator.index(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError
    return number


def _size(name, size):
    try:
        height, width = size
        return _whole(height), _whole(width)
    except (TypeError, ValueError):
        raise BadArgument(f"{name} is {size!r}; (height, width) is wanted, whole numbers") from None


def _threads(threads):
    try:
        return _whole(threads)
    except (TypeError, ValueError):
        raise BadArgument(f"threads is {threads!r}; a whole number is wanted") from None


def _text(name, value):
    if value is not None and not isinstance(value, str):
        raise BadArgument(f"{name} is {value!r}; a text is wanted")
    return None if value is None else value.encode()


def _scales(scales):
    try:
        numbers = tuple(map(float, scales))
    except (TypeError, ValueError):
        numbers = ()
    if not numbers:
        raise BadArgument(f"scales is {scales!r}; numbers are wanted")
    return len(numbers), (ctypes.c_double * len(numbers))(*numbers)


class Model:
    """A checkpoint of `camber train` or `camber import`, ready to judge frames.

    device: "cpu", "cuda", "reference"; None: the run's, else one that there is
    dtype: "f32" or "bf16"; None: the run's
    threads: of the CPU; 0: OMP_NUM_THREADS, else one a core
    size: (height, width) to which frames are resized for the network, or "own": each whole; None: as trained
    tile: (height, width) of tiles, in which frames go through at their own size
    overlap: share of a tile that lies over the next, 0 to 0.95; None: a quarter
    flip: take the mean of the probabilities of a frame and of its mirror image
    scales: take the mean over a frame at each of these times its size, as (0.75, 1, 1.25)

    Any thread may use it: calls wait for each other, while models of their own run side by side. A process that was
    forked after a model was used cannot use any: let multiprocessing "spawn".
    """

    _handle = None

    def __init__(self, checkpoint, *, device=None, dtype=None, threads=0, size=None, tile=None, overlap=None,
                 flip=False, scales=None):
        self._lock = threading.Lock()
        options = sized(Options, device=_text("device", device), dtype=_text("dtype", dtype),
                        threads=_threads(threads), flip=bool(flip))
        if isinstance(size, str):
            if size != "own":
                raise BadArgument(f"size is {size!r}; (height, width) is wanted, or 'own'")
            options.own_size = 1
        elif size is not None:
            options.height, options.width = _size("size", size)
        if tile is not None:
            options.tile_height, options.tile_width = _size("tile", tile)
        if overlap is not None:
            options.overlap = overlap if overlap != 0 else -1
        if scales is not None:
            options.scale_count, options.scales = _scales(scales)
        handle = ctypes.c_void_p()
        check(library.camber_open(os.fsencode(checkpoint), options, handle))
        self._handle = handle
        self._describe()

    def _describe(self):
        d = sized(Description)
        check(library.camber_describe(self._handle, d))
        #: as `camber info` lists them
        self.network = d.network.decode()
        #: that it runs on
        self.device = d.device.decode()
        #: of activations
        self.dtype = d.dtype.decode()
        #: of the CPU
        self.threads = d.threads
        #: (height, width) that frames are resized to, or of tiles; None: frames go through whole
        self.input_size = (d.height, d.width) if d.height else None
        #: what the input's height and width are multiples of
        self.size_multiple = d.size_multiple
        #: of the input: 1 (grey), 3 (RGB) or 4 (RGBA); frames of others are converted
        self.channels = d.channels
        #: the input is (pixel / 255 - mean) / std, for red, green and blue
        self.mean, self.std = tuple(d.mean), tuple(d.std)
        #: how frames become the input
        self.resizing = d.resizing.decode()
        #: name of the class table
        self.table = d.table.decode()
        #: of every id of a label map
        self.classes = tuple(self._class(id) for id in range(d.classes))
        #: what training ignored: beyond the classes, or one of them
        self.void = self._class(d.void_id)
        #: uint8 [256, 3], the colour of every id: palette[labels] is a picture
        self.palette = np.full((256, 3), 255, np.uint8)
        for known in (*self.classes, self.void):
            if 0 <= known.id < 256:
                self.palette[known.id] = known.colour

    def _class(self, id):
        described = sized(ClassDescription)
        check(library.camber_describe_class(self._handle, id, described))
        return Class(id, described.name.decode(errors="replace"), tuple(described.colour))

    def predict(self, frame):
        """The label map, uint8 [height, width], of a frame, uint8 [height, width, 3] (RGB), [..., 4] or [height, width]
        (grey), of any size: what `camber predict` writes of it."""
        return self.run(frame).labels

    def run(self, frame, *, logits=False, probabilities=False):
        """The Prediction of a frame, with what is asked for beside labels."""
        pixels, channels = as_pixels(frame, "the frame")
        height, width = pixels.shape[:2]
        shape = (height, width, len(self.classes))
        labels = np.empty((height, width), np.uint8)
        of_logits = np.empty(shape, np.float32) if logits else None
        of_probabilities = np.empty(shape, np.float32) if probabilities else None

        def address(array):
            return None if array is None else array.ctypes.data

        wanted = sized(Frame, pixels=address(pixels), height=height, width=width, channels=channels,
                       row_bytes=pixels.strides[0] if height > 1 else 0, labels=address(labels),
                       logits=address(of_logits), probabilities=address(of_probabilities))
        with self._lock:
            if self._handle is None:
                raise BadArgument("this model is closed")
            check(library.camber_run(self._handle, wanted))
        return Prediction(labels, of_logits, of_probabilities)

    def close(self):
        """Frees it; nothing happens where it is closed already."""
        with self._lock:
            handle, self._handle = self._handle, None
        library.camber_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if self._handle is not None:
            self.close()

    def __repr__(self):
        return f"<camber.Model {self.network} on {self.device}, {self.dtype}, {len(self.classes)} classes>"
