"""Damage to files: what disks, transfers, editors and attackers do to them."""

import binascii
import json
import struct

TOKENS = [b"-1", b"0", b"1e999", b"-0.0", b"NaN", b"Infinity", b"99999999999999999999", b"2147483648", b"null",
          b"true", b'""', b"[]", b"{}", b"[[[[[[[[", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\x1b[31m", b"\r\n", b"\t",
          b"../..", b"/dev/zero", b"%s%n", b"a" * 5000, b"\xef\xbb\xbf", b'"', b"\\", b",", b"\xe2\x80\xae"]

VALUES = [-1, 0, 1, 2, 1e308, -1e308, 0.5, 1e-300, 255, 256, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, None, True,
          [], {}, [[]], [1] * 5, {"a": 1}, "", "x" * 3000, "\0", "\u202e\n", "../..", "/dev/zero", "unet", "cuda",
          "auto", "loss", "\ud800", json.loads("[" * 60 + "]" * 60)]


def flip_bits(data, random):
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        at = random.randrange(len(data))
        data[at] ^= 1 << random.randrange(8)
    return bytes(data)


def set_bytes(data, random):
    data = bytearray(data)
    for _ in range(random.choice((1, 2, 4))):
        data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(data)


def set_number(data, random):
    size, code = random.choice(((2, "H"), (4, "I"), (8, "Q")))
    if len(data) < size:
        return data + b"\0"
    bits = 8 * size
    value = random.choice((0, 1, (1 << bits) - 1, 1 << (bits - 1), (1 << (bits - 1)) - 1, len(data), len(data) + 1,
                           1 << random.randrange(bits), random.getrandbits(bits)))
    at = random.randrange(len(data) - size + 1)
    return data[:at] + struct.pack(random.choice("<>") + code, value & ((1 << bits) - 1)) + data[at + size:]


def cut(data, random):
    return data[:random.randrange(len(data))]


def piece(data, random):
    at = random.randrange(len(data))
    return at, min(len(data), at + random.choice((1, 4, 16, 256, 4096)))


def remove(data, random):
    begin, end = piece(data, random)
    return data[:begin] + data[end:]


def repeat(data, random):
    begin, end = piece(data, random)
    return data[:begin] + data[begin:end] * random.choice((2, 3, 50)) + data[end:]


def move(data, random):
    begin, end = piece(data, random)
    to = random.randrange(len(data))
    return data[:to] + data[begin:end] + data[to + end - begin:]


def insert_token(data, random):
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(TOKENS) + data[at:]


def replace_word(data, random):
    """Puts a token in the place of a number, a name or a text."""
    begin = end = random.randrange(len(data))
    word = lambda c: chr(c).isalnum() or c in b"_.-+"
    while begin > 0 and word(data[begin - 1]):
        begin -= 1
    while end < len(data) and word(data[end]):
        end += 1
    return data[:begin] + random.choice(TOKENS) + data[max(end, begin + 1):]


def shuffle_lines(data, random):
    lines = data.split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    kind = random.randrange(3)
    if kind == 0:
        lines[first], lines[second] = lines[second], lines[first]
    elif kind == 1:
        lines.insert(first, lines[second])
    else:
        del lines[first]
    return b"\n".join(lines)


def change_value(data, random):
    """Puts another value, or nothing, in the place of one in a JSON text, which stays one."""
    try:
        whole = json.loads(data)
    except ValueError:
        return data
    places = []

    def look(value):
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            places.append((value, key))
            look(item)

    look(whole)
    if not places:
        return data
    holder, key = random.choice(places)
    if isinstance(holder, dict) and random.random() < 0.15:
        del holder[key]
    else:
        holder[key] = random.choice(VALUES)
    return json.dumps(whole).encode()


BINARY = [flip_bits, set_bytes, set_number, cut, remove, repeat, move]
TEXT = [flip_bits, set_bytes, cut, remove, repeat, move, insert_token, replace_word, replace_word, replace_word,
        shuffle_lines, lambda data, random: data.decode("latin-1").encode("utf-16")]
JSON = [change_value] * len(TEXT) + TEXT


def mutated(data, random, how):
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(how)(data, random) or b"\0"
    return data


def with_png_checksums(data):
    """A PNG with the checksums of its chunks made right again, so that what decodes them is reached."""
    result, at = data[:8], 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at:at + 4])[0]
        body = data[at + 4:at + 8 + length]
        if len(body) < 4 + length:
            break
        result += data[at:at + 4] + body + struct.pack(">I", binascii.crc32(body))
        at += 12 + length
    return result + data[at:]


def header_of(data):
    """A safetensors file's header and what follows it."""
    length = struct.unpack("<Q", data[:8])[0]
    return data[8:8 + length], data[8 + length:]


def with_header(header, rest):
    return struct.pack("<Q", len(header)) + header + rest


def without_checksums(data):
    """A checkpoint as they were before they had checksums: its reader is reached by what is damaged."""
    header, rest = header_of(data)
    fields = json.loads(header)
    metadata = fields["__metadata__"]
    metadata.pop("camber.crc32c")
    if "camber.checkpoint" in metadata:
        info = json.loads(metadata["camber.checkpoint"])
        info.pop("checksums")
        metadata["camber.checkpoint"] = json.dumps(info)
    return with_header(json.dumps(fields).encode(), rest)


def without_zip_checksums(data):
    """Zeros in the archive's list, as torch.save() writes them where it is told to leave checksums out."""
    data = bytearray(data)
    end = data.rfind(b"PK\x05\x06")
    count, _, at = struct.unpack_from("<HII", data, end + 10)
    for _ in range(count):
        struct.pack_into("<I", data, at + 16, 0)
        at += 46 + sum(struct.unpack_from("<HHH", data, at + 28))
    return bytes(data)
