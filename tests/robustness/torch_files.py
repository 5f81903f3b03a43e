"""PyTorch's files of weights without PyTorch: the zip archive, and the stream that came before it."""

import collections
import io
import json
import pickle
import struct
import sys
import types
import zipfile

import mutations


def _stand_in(module, name, value):
    """Pickle names what it pickles by module and name, and looks whether that is so."""
    made = sys.modules.setdefault(module, types.ModuleType(module))
    value.__module__, value.__qualname__ = module, name
    setattr(made, name, value)
    return value


def _rebuild(*_):
    raise NotImplementedError


REBUILD = _stand_in("torch._utils", "_rebuild_tensor_v2", _rebuild)
FLOATS = _stand_in("torch", "FloatStorage", type("FloatStorage", (), {}))


class _Storage:
    def __init__(self, key, count):
        self.key, self.count = key, count


class _Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = []
        step = 1
        for extent in reversed(self.shape):
            strides.insert(0, step)
            step *= extent
        return REBUILD, (self.storage, 0, tuple(self.shape), tuple(strides), False, collections.OrderedDict())


def _pickled(tensors, stream):
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 2)
    pickler.persistent_id = lambda value: ("storage", FLOATS, value.key, "cpu", value.count, *([None] * stream)) \
        if isinstance(value, _Storage) else None
    pickler.dump(collections.OrderedDict((name, _Tensor(_Storage(str(i), len(data) // 4), shape))
                                         for i, (name, (shape, data)) in enumerate(tensors.items())))
    return file.getvalue()


def tensors_of(safetensors):
    """Shape and bytes by name, of the f32 tensors of a file."""
    header, rest = mutations.header_of(safetensors)
    return {name: (entry["shape"], rest[slice(*entry["data_offsets"])])
            for name, entry in json.loads(header).items() if entry.get("dtype") == "F32"}


def archive(tensors):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("archive/data.pkl", _pickled(tensors, False))
        for i, (_, data) in enumerate(tensors.values()):
            packed.writestr(f"archive/data/{i}", data)
        packed.writestr("archive/version", "3\n")
    return file.getvalue()


def stream(tensors):
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    data = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, system))
    data += _pickled(tensors, True) + pickle.dumps([str(i) for i in range(len(tensors))], 2)
    return data + b"".join(struct.pack("<Q", len(data) // 4) + data for _, data in tensors.values())
