"""A register image worked by hand against a profile: what a person reads out of it beside what the collector decodes.

registers.yaml: `{unit: 1, tables: {holding: {40: 257}}}`, addresses as on the wire; a cell that is not named is 0.
expected.yaml: `point: {value: 25.7, unit: degC, quality: good}`; value null where the quality is bad.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.bindings import device_column, plan_profile
from collector.codec import Decoder
from collector.poll_plan import Read
from plantroom import yaml_file as y
from plantroom.errors import BadInput
from plantroom.model import Quality
from plantroom.profiles import Profile, Table

Image = Mapping[Table, Mapping[int, int]]  # cells by address on the wire
Found = dict[str, tuple[float | None, str]]  # point -> (value, None where it is bad; quality)


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person reads: value None where the quality is a bad one."""

    value: float | None
    unit: str = ""
    quality: str = Quality.GOOD.word


def load_image(folder: Path) -> tuple[Image, dict[str, ByHand]]:
    """registers.yaml and expected.yaml of a folder. Raises BadInput with every problem."""
    papers = y.Paper(str(folder / "registers.yaml")), y.Paper(str(folder / "expected.yaml"))
    nodes = [y.parse(y.read_text(Path(paper.file)), paper) for paper in papers]
    f = y.Fields(nodes[0] or y.Map(0, {}, {}), "", papers[0])
    f.opt("unit", y.integer(0, 255))
    image: dict[Table, dict[int, int]] = {}
    for word, node in y.mapping(f.child("tables"), "tables", papers[0]).items.items():
        if word not in set(Table):
            papers[0].wrong(node.line, f"tables.{word}", f"{word!r} is no table{y.nearest(word, Table)}")
            continue
        cells = image.setdefault(Table(word), {})
        inside = y.Fields(node, f"tables.{word}", papers[0])
        for address in inside.node.items:
            at = y.plain_value(address)
            if not isinstance(at, int) or not 0 <= at < 65_536:
                inside.wrong(address, "is no address; 0..65535, as on the wire")
            cells[at if isinstance(at, int) else -1] = inside.may(address, y.integer(0, 1 if Table(word).bits else 0xFFFF), 0)
    f.done()
    expected: dict[str, ByHand] = {}
    for name, node in y.mapping(nodes[1], "", papers[1]).items.items():
        own = y.Fields(node, name, papers[1])
        word = own.may("quality", y.one_of([quality.word for quality in Quality]), Quality.GOOD.word)
        expected[name] = ByHand(own.opt("value", _value), own.may("unit", y.unit_name, ""), word)
        own.done()
    if papers[0].problems or papers[1].problems:
        raise BadInput([*papers[0].problems, *papers[1].problems])
    return image, expected


def _value(node: y.Node) -> float:
    try:
        return y.number(node)
    except y.Wrong:
        raise y.Wrong(f"must be a number, not {y.described(node)}: 1 or 0 of a yes/no, an enum's code, a set's mask", node) from None


def reply(image: Image, read: Read) -> bytes:
    """The data bytes a device with these cells answers."""
    table = image.get(read.table, {})
    cells = [table.get(at, 0) for at in range(read.address, read.end)]
    if not read.table.bits:
        return b"".join(cell.to_bytes(2, "big") for cell in cells)
    return sum(bit << i for i, bit in enumerate(cells)).to_bytes(read.reply_bytes, "little")


def decoded(profile: Profile, image: Image, names: Sequence[str]) -> Found:
    """What the collector makes of the image, with the reads it would send."""
    found: Found = {}
    for reads, brought in plan_profile(profile, names):
        points = [name for name in names if name in brought]
        columns, data = [device_column(profile.points[n]) for n in points], b"".join(reply(image, r) for r in reads)
        values, quality = Decoder(reads, columns).decode(data)
        for name, value, code in zip(points, values.tolist(), quality.tolist(), strict=True):
            found[name] = (value if code == Quality.GOOD else None, Quality(code).word)
    return found


def differences(found: Found, expected: Mapping[str, ByHand], profile: Profile) -> list[str]:
    """One line for each point that reads otherwise than by hand; a point the profile does not have is one too."""
    wrong: list[str] = []
    for name, hand in expected.items():
        if name not in found:
            wrong.append(f"{name}: {profile.name} has no such point")
            continue
        value, quality = found[name]
        if quality != hand.quality or not _same(value, hand.value):
            wrong.append(f"{name}: read as {_said(value, quality)}, by hand {_said(hand.value, hand.quality)}")
        if profile.points[name].unit != hand.unit:
            wrong.append(f"{name}: unit {profile.points[name].unit!r}, by hand {hand.unit!r}")
    return wrong


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


def _said(value: float | None, quality: str) -> str:
    return quality if value is None else f"{value:.12g} ({quality})"
