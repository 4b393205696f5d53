"""Draws the icons of the installed web app from static/icon.svg, our own picture: PNGs into static/icons, as phones want them.

Run by make, before anything else of Plantroom is needed: standard library only. Reads what that picture consists of (a rectangle with round
corners, paths of straight lines, plain colours), nothing else of SVG. Draws anew where the picture or this file has changed.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parent
PICTURE = HERE / "static" / "icon.svg"
ICONS = HERE / "static" / "icons"
STAMP = ICONS / ".made"
SUBLINES = 8  # of each line of pixels, for the edges
ARC = 12  # pieces of a quarter circle
_SVG = "{http://www.w3.org/2000/svg}"
_PATH = re.compile(r"([A-Za-z])|(-?(?:\d+\.?\d*|\.\d+))")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Icon:
    """full: without round corners, which the phone cuts itself. art: what stands on the ground is drawn so much smaller."""

    size: int
    full: bool = False
    art: float = 1.0


WANTED: Mapping[str, Icon] = {
    "icon-192.png": Icon(192),
    "icon-512.png": Icon(512),
    "maskable-512.png": Icon(512, full=True, art=0.72),  # launchers cut circles: what counts stays within four fifths
    "apple-touch-icon.png": Icon(180, full=True, art=0.86),
}


@dataclass(frozen=True, slots=True)
class Shape:
    points: tuple[Point, ...]
    colour: tuple[int, int, int]


class Unreadable(ValueError):
    """The picture has something that is not drawn here; the text says what."""


def picture(svg: str, icon: Icon) -> list[Shape]:
    """In pixels of this icon. Raises Unreadable."""
    root = ElementTree.fromstring(svg)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    if (left, top) != (0, 0) or width != height:
        raise Unreadable("the picture must be a square from 0, 0")
    scale, found = icon.size / width, list[Shape]()
    for n, element in enumerate(root):
        name = element.tag.removeprefix(_SVG)
        if name == "rect" and not n:
            outline = _rectangle(width, 0.0 if icon.full else float(element.attrib.get("rx", 0)))
            found.append(Shape(tuple((x * scale, y * scale) for x, y in outline), _colour(element)))
        elif name == "path":
            middle = width / 2
            for part in _path(element.attrib["d"]):
                points = (((x - middle) * icon.art + middle, (y - middle) * icon.art + middle) for x, y in part)
                found.append(Shape(tuple((x * scale, y * scale) for x, y in points), _colour(element)))
        else:
            raise Unreadable(f"a ground (rect) and paths are drawn, no {name}")
    return found


def _colour(element: ElementTree.Element) -> tuple[int, int, int]:
    match = re.fullmatch("#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", element.attrib.get("fill", ""))
    if match is None:
        raise Unreadable(f"fill {element.attrib.get('fill')!r}: write #rrggbb")
    return int(match[1], 16), int(match[2], 16), int(match[3], 16)


def _rectangle(width: float, radius: float) -> list[Point]:
    if not radius:
        return [(0, 0), (width, 0), (width, width), (0, width)]
    corners = ((radius, radius, 180), (width - radius, radius, 270), (width - radius, width - radius, 0), (radius, width - radius, 90))
    turns = ((x, y, math.radians(start + 90 * n / ARC)) for x, y, start in corners for n in range(ARC + 1))
    return [(x + radius * math.cos(a), y + radius * math.sin(a)) for x, y, a in turns]


def _path(text: str) -> Iterator[list[Point]]:
    """Each closed part of a path of straight lines."""
    tokens: list[str | float] = [match[1] or float(match[2]) for match in _PATH.finditer(text)]
    here, part, command = (0.0, 0.0), list[Point](), ""
    while tokens:
        if isinstance(tokens[0], str):
            command = str(tokens.pop(0))
        if command in "Zz":
            yield part
            here, part = part[0], []
            continue
        if command not in "MmLlHhVv":
            raise Unreadable(f"path command {command}: straight lines are drawn")
        given = [float(tokens.pop(0)) for _ in range(1 if command in "HhVv" else 2)]
        from_x, from_y = here if command.islower() else (0.0, 0.0)
        x = from_x + given[0] if command not in "Vv" else here[0]
        y = from_y + given[-1] if command not in "Hh" else here[1]
        here = (x, y)
        part.append(here)
        command = {"M": "L", "m": "l"}.get(command, command)
    if part:
        yield part


def pixels(shapes: Sequence[Shape], size: int) -> list[bytes]:
    """Lines of RGBA, one shape over the other, transparent where there is none."""
    lines = []
    for row in range(size):
        line = [[0.0, 0.0, 0.0, 0.0] for _ in range(size)]
        for shape in shapes:
            for column, covered in enumerate(_covered(shape.points, row, size)):
                if covered > 0:
                    under = line[column]
                    alpha = covered + under[3] * (1 - covered)
                    mixed = [(c * covered + u * under[3] * (1 - covered)) / alpha for c, u in zip(shape.colour, under, strict=False)]
                    line[column] = [*mixed, alpha]
        lines.append(bytes(value for r, g, b, a in line for value in (round(r), round(g), round(b), round(a * 255))))
    return lines


def _covered(points: Sequence[Point], row: int, size: int) -> list[float]:
    """How much of each pixel of a line lies within the outline, 0 to 1."""
    found = [0.0] * (size + 1)
    edges = list(zip(points, (*points[1:], points[0]), strict=True))
    for n in range(SUBLINES):
        y = row + (n + 0.5) / SUBLINES
        crossed = sorted(x0 + (y - y0) * (x1 - x0) / (y1 - y0) for (x0, y0), (x1, y1) in edges if min(y0, y1) <= y < max(y0, y1))
        for start, end in zip(crossed[::2], crossed[1::2], strict=True):
            for column in range(max(int(start), 0), min(int(end), size - 1) + 1):
                found[column] += max(0.0, min(end, column + 1) - max(start, column)) / SUBLINES
    return [min(covered, 1.0) for covered in found[:size]]


def png(lines: Sequence[bytes], size: int) -> bytes:
    """8-bit RGBA (PNG specification, 2003: 5.2, 11.2)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def drawn(svg: str, icon: Icon) -> bytes:
    return png(pixels(picture(svg, icon), icon.size), icon.size)


def made_of() -> str:
    return hashlib.sha256(PICTURE.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def main() -> int:
    if STAMP.is_file() and STAMP.read_text() == made_of() and all((ICONS / name).is_file() for name in WANTED):
        return 0
    svg = PICTURE.read_text("utf-8")
    ICONS.mkdir(exist_ok=True)
    for name, icon in WANTED.items():
        (ICONS / name).write_bytes(drawn(svg, icon))
    STAMP.write_text(made_of())
    return 0


if __name__ == "__main__":
    sys.exit(main())
