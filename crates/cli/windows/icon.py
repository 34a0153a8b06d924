#!/usr/bin/env python3
"""Draws sockscope.ico, which lies beside it, and the icons of the window for Linux (crates/window/linux/icons):
`python3 crates/cli/windows/icon.py`. It needs nothing but Python.

A socket in a wall, and around it the ring and the marks of a scope. Each size is drawn by itself, so that small ones are as
clear as large ones: everything is a distance from a line or a circle, and a pixel's colour a matter of how much of it is inside.
"""

import math
import pathlib
import struct
import zlib

SIZES = [16, 32, 48, 256]
LINUX_SIZES = [16, 32, 48, 64, 128, 256]

PLATE = (0x12, 0x3B, 0x5A)
RING = (0x4F, 0xC3, 0xA1)
HOLES = (0xF4, 0xF7, 0xF9)


def rounded_square(x, y, half, radius):
    """How far a point is outside a square around the middle; negative inside."""
    dx, dy = abs(x) - (half - radius), abs(y) - (half - radius)
    return math.hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius


def stroke(x, y, ax, ay, bx, by, half):
    """How far a point is outside a line with round ends."""
    px, py, qx, qy = x - ax, y - ay, bx - ax, by - ay
    along = min(max((px * qx + py * qy) / (qx * qx + qy * qy), 0), 1)
    return math.hypot(px - along * qx, py - along * qy) - half


def draw(size):
    """Rows of (red, green, blue, alpha), the uppermost first. The picture reaches from -1 to 1."""
    pixel = 2 / size
    # Small ones have bolder lines; the smallest has no marks, a wider ring, and its holes fill whole pixels.
    bold = {16: 1.4, 32: 1.2, 48: 1.1}.get(size, 1.0)
    marks = size >= 32
    radius, apart = (0.60, 0.21) if marks else (0.72, 0.25)
    rows = []
    for row in range(size):
        line = []
        for column in range(size):
            x, y = (column + 0.5) * pixel - 1, (row + 0.5) * pixel - 1
            inside = lambda distance: min(max(0.5 - distance / pixel, 0), 1)
            colour = PLATE
            alpha = inside(rounded_square(x, y, 1, 0.36))
            ring = abs(math.hypot(x, y) - radius) - 0.065 * bold
            if marks:
                for ax, ay in [(1, 0), (-1, 0), (0, 1), (0, -1)]:
                    ring = min(ring, stroke(x, y, ax * radius, ay * radius, ax * 0.80, ay * 0.80, 0.055 * bold))
            holes = min(stroke(x, y, side * apart, -0.19, side * apart, 0.19, 0.085 * bold) for side in (-1, 1))
            for distance, over in [(ring, RING), (holes, HOLES)]:
                part = inside(distance)
                colour = tuple(round(old + (new - old) * part) for old, new in zip(colour, over))
            line.append((*colour, round(255 * alpha)))
        rows.append(line)
    return rows


def png(rows):
    size = len(rows)
    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def svg():
    """The same in lines and circles, for any size but small ones. The picture is 256 units wide."""
    unit = lambda value: f"{value * 128:.2f}".rstrip("0").rstrip(".")
    colour = lambda rgb: "#" + "".join(f"{part:02x}" for part in rgb)
    lines = lambda ends, width: [
        f'    <path d="M{unit(ax)} {unit(ay)}L{unit(bx)} {unit(by)}" stroke-width="{unit(2 * width)}"/>'
        for ax, ay, bx, by in ends
    ]
    marks = [(x * 0.60, y * 0.60, x * 0.80, y * 0.80) for x, y in [(1, 0), (-1, 0), (0, 1), (0, -1)]]
    holes = [(side * 0.21, -0.19, side * 0.21, 0.19) for side in (-1, 1)]
    return "\n".join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-128 -128 256 256" width="256" height="256">',
        f'  <rect x="-128" y="-128" width="256" height="256" rx="{unit(0.36)}" fill="{colour(PLATE)}"/>',
        f'  <g fill="none" stroke="{colour(RING)}" stroke-linecap="round">',
        f'    <circle r="{unit(0.60)}" stroke-width="{unit(0.13)}"/>',
        *lines(marks, 0.055),
        "  </g>",
        f'  <g fill="none" stroke="{colour(HOLES)}" stroke-linecap="round">',
        *lines(holes, 0.085),
        "  </g>",
        "</svg>",
        "",
    ])


def bitmap(rows):
    """As old readers want it: from the lowest row, blue first, and a mask that counts for nothing besides alpha."""
    size = len(rows)
    mask = bytes((size + 31) // 32 * 4) * size
    pixels = b"".join(bytes((b, g, r, a)) for row in reversed(rows) for r, g, b, a in row)
    return struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, len(pixels) + len(mask), 0, 0, 0, 0) + pixels + mask


def main():
    images = [(size, png(draw(size)) if size > 48 else bitmap(draw(size))) for size in SIZES]
    offset = 6 + 16 * len(images)
    file = struct.pack("<HHH", 0, 1, len(images))
    for size, image in images:
        file += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(image), offset)
        offset += len(image)
    file += b"".join(image for _, image in images)
    here = pathlib.Path(__file__)
    here.with_name("sockscope.ico").write_bytes(file)
    icons = here.parents[2] / "window" / "linux" / "icons"
    icons.mkdir(exist_ok=True)
    for size in LINUX_SIZES:
        (icons / f"{size}.png").write_bytes(png(draw(size)))
    (icons / "sockscope-window.svg").write_text(svg())


main()
