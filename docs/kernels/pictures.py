#!/usr/bin/env python3
"""Draws the access patterns of docs/kernels: sectors.svg, banks.svg, swizzle.svg. Nothing in them is measured; what is
where follows from the addresses, which are computed here as the versions' comments say."""

import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent
WANTED, MOVED, INK, PAPER = "#2f6f9f", "#d9e4ec", "#333333", "#ffffff"


def text(x, y, words, size=12, anchor="start"):
    place = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{place}>{words}</text>'


def cell(x, y, width, height, fill):
    kind = "w" if fill == WANTED else "m"
    return f'<path class="{kind}" d="M{x} {y}h{width}v{height}h-{width}z"/>'


def save(name, width, height, parts):
    body = "\n".join(parts)
    (FOLDER / name).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">\n'
        f"<style>text{{fill:{INK}}}path{{stroke:{INK};stroke-width:.5}}.w{{fill:{WANTED}}}.m{{fill:{MOVED}}}</style>\n"
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>\n{body}\n</svg>\n')


def sectors():
    """A request of 32 lanes in the sectors that it touches: max_pool's loads of x, 64 channels of bf16."""
    parts, y = [], 20
    for title, address, bytes_of_lane in (
            ("1: lanes are pixels, 256 bytes apart: 32 sectors, 2 bytes wanted of each", lambda lane: lane * 256, 2),
            ("2: lanes are channels: 2 sectors, all wanted", lambda lane: lane * 2, 2),
            ("3: lanes are eight channels each: 16 sectors, all wanted", lambda lane: lane * 16, 16)):
        wanted = {}
        for lane in range(32):
            for byte in range(address(lane), address(lane) + bytes_of_lane):
                wanted.setdefault(byte // 32, set()).add(byte % 32)
        parts.append(text(10, y, title))
        for i, sector in enumerate(sorted(wanted)):
            x = 10 + i * 22
            parts.append(cell(x, y + 8, 19, 22, MOVED))
            share = len(wanted[sector]) / 32
            parts.append(f'<rect x="{x}" y="{y + 8}" width="{19 * share:.2f}" height="22" fill="{WANTED}"/>')
        y += 56
    parts.append(text(10, y, "a box is a sector of 32 bytes, the dark part what the lanes want of it", 11))
    save("sectors.svg", 724, y + 12, parts)


def banks():
    """Lanes of the first warp on each bank, reading their partner, in the steps of sum's two trees of 256."""
    parts = []
    for column, (title, places) in enumerate((
            ("2: neighbours first", lambda lane, d: 2 * d * lane + d if 2 * d * lane < 256 else None),
            ("3: halves first", lambda lane, d: lane + d if lane < d else None))):
        left = 70 + column * 400
        parts.append(text(left, 16, title + ": different words a bank, of 32 banks"))
        distances = [1, 2, 4, 8, 16, 32, 64, 128]
        for row, d in enumerate(distances if column == 0 else distances[::-1]):
            y = 26 + row * 20
            words = [set() for _ in range(32)]
            for lane in range(32):
                place = places(lane, d)
                if place is not None:
                    words[place % 32].add(place)
            parts.append(text(left - 8, y + 13, f"{d} apart", 11, "end"))
            for bank, found in enumerate(words):
                parts.append(cell(left + bank * 10, y, 10, 17, WANTED if found else MOVED))
                if len(found) > 1:
                    parts.append(f'<text x="{left + bank * 10 + 5}" y="{y + 12}" font-size="8" text-anchor="middle" '
                                 f'fill="{PAPER}">{len(found)}</text>')
            parts.append(text(left + 326, y + 13, f"{max(map(len, words))}", 11))
    save("banks.svg", 830, 196, parts)


def swizzle():
    """Eight rows of 128 bytes in shared memory, in chunks of 16 bytes (four banks); dark: what one eighth of an
    ldmatrix reads, chunk 2 of every row."""
    parts = []
    for column, (title, place) in enumerate((("4: rows as they are: one column of banks, 8 turns", lambda r, c: c),
                                             ("5: chunk c at c ^ (row % 8): all banks, 1 turn", lambda r, c: c ^ r))):
        left = 40 + column * 380
        parts.append(text(left, 16, title))
        for row in range(8):
            parts.append(text(left - 6, 40 + row * 20, f"{row}", 11, "end"))
            for chunk in range(8):
                x = left + place(row, chunk) * 38
                parts.append(cell(x, 26 + row * 20, 38, 18, WANTED if chunk == 2 else MOVED))
                fill = PAPER if chunk == 2 else INK
                parts.append(f'<text x="{x + 19}" y="{39 + row * 20}" font-size="10" text-anchor="middle" '
                             f'fill="{fill}">{chunk}</text>')
        for group in range(8):
            parts.append(text(left + group * 38 + 19, 200, f"{group * 4}-{group * 4 + 3}", 9, "middle"))
        parts.append(text(left, 216, "banks; numbers in the boxes are chunks of a row", 11))
    save("swizzle.svg", 760, 226, parts)


if __name__ == "__main__":
    sectors()
    banks()
    swizzle()
