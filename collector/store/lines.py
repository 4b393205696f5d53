"""Line protocol straight from columns: one line per equipment and instant, fields = points, no object per point.

    fire_pump,site=hq,equipment=fp-1 system_pressure=0.82,pump_running=0.0 1763733600000000000
    quality,site=hq,equipment=fp-1,point=system_pressure code=1.0,word="no_answer" 1763733600000000000

Measurement = kind. Every field is a float for ever, so no point can come into conflict with its own past. Only good values are fields; a
quality is written when it changes (and once after each start of the follower). The words around the values are made once per frame,
equipment and set of good points; all values of a block become text in one call; each row of that text is poured into the words.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from collector.store.gather import days_of
from collector.store.ledger import Count
from plantroom.history.parts import day_of
from plantroom.journal.columns import Columns
from plantroom.model import Batch, Frame, Instants, Qualities, Quality, Values

GOOD = int(Quality.GOOD)
MOST_SHAPES = 4_096  # remembered (frame, equipment, set of good points); a message that varies at will costs time, not memory

_MEASUREMENT = str.maketrans({",": "\\,", " ": "\\ "})
_KEY = str.maketrans({",": "\\,", " ": "\\ ", "=": "\\="})
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_UNESCAPED_SPACE = re.compile(rb"(?<!\\) ")
_FIELD = re.compile(rb'(?:[^,=\\]|\\.)+=(?:"(?:[^"\\]|\\.)*"|[^,"]*)')
_WORDS = {int(quality): quality.word for quality in Quality}


@dataclass(frozen=True, slots=True)
class Encoded:
    """text: lines, each with its newline. lines: how many. counts: what became of the cells. unknown: equipment no site file has named."""

    text: bytes
    lines: int
    counts: dict[str, Count]
    unknown: dict[str, int]  # equipment -> samples that could not be written


class _Group:
    """The columns of one equipment in a frame. head: `kind,site=...,equipment=... `, or None where it cannot be written."""

    __slots__ = ("columns", "equipment", "fields", "head")

    def __init__(self, equipment: str, head: bytes | None, columns: list[int], fields: list[bytes]) -> None:
        self.equipment, self.head, self.fields = equipment, head, fields
        self.columns: npt.NDArray[np.intp] = np.array(columns, np.intp)


class LineEncoder:
    """Keeps the last quality of each point, so one encoder is one follower's."""

    def __init__(self, site: str, kinds: Mapping[str, str]) -> None:
        """kinds: equipment id -> kind, of everything the site ever had as far as it is remembered."""
        self._site, self._kinds = site, kinds
        self._groups: dict[bytes, list[_Group]] = {}
        self._quality: dict[bytes, npt.NDArray[np.int16]] = {}
        self._shapes: OrderedDict[tuple[bytes, str, bytes], bytes] = OrderedDict()

    def encode(self, columns: Columns) -> Encoded:
        """The lines of all rows. Cells that cannot be written are counted `dead` and told in `unknown`."""
        groups = self._groups.get(columns.frame.id)
        if groups is None:
            groups = self._groups[columns.frame.id] = self._split(columns.frame)
        blocks: list[bytes] = []
        lines = 0
        unknown: dict[str, int] = {}
        good = columns.quality == GOOD
        for group in groups:
            if group.head is None:
                unknown[group.equipment] = int(np.count_nonzero(good[:, group.columns]))
                continue
            for text, rows in self._blocks(columns, group, good):
                blocks.append(text)
                lines += rows
        changes = self._changes(columns, groups)
        blocks += changes
        counts = _counts(columns, good, [group for group in groups if group.head is None])
        return Encoded(b"".join(blocks), lines + len(changes), counts, {name: n for name, n in unknown.items() if n})

    def _split(self, frame: Frame) -> list[_Group]:
        places: dict[str, list[int]] = {}
        for column, point in enumerate(frame.points):
            places.setdefault(point.partition(".")[0], []).append(column)
        return [
            _Group(equipment, self._head(equipment), columns, [field_key(frame.points[column].partition(".")[2]) for column in columns])
            for equipment, columns in places.items()
        ]

    def _head(self, equipment: str) -> bytes | None:
        kind = self._kinds.get(equipment)
        if kind is None or any(_UNSPEAKABLE.search(word) or not word for word in (kind, self._site, equipment)):
            return None
        tags = f"site={self._site.translate(_KEY)},equipment={equipment.translate(_KEY)}"
        return b"%b,%b " % (measurement_key(kind), tags.encode())

    def _blocks(self, columns: Columns, group: _Group, good: npt.NDArray[np.bool_]) -> Iterator[tuple[bytes, int]]:
        mine = good[:, group.columns]
        if not len(mine):
            return
        if mine.all():
            values = columns.values if len(group.columns) == columns.values.shape[1] else columns.values[:, group.columns]
            yield self._block(columns, group, mine[0].tobytes(), values, columns.at_ns), len(mine)
            return
        patterns, which = np.unique(np.packbits(mine, axis=1), axis=0, return_inverse=True)
        for number in range(len(patterns)):
            rows = np.flatnonzero(which.reshape(-1) == number)
            there = mine[rows[0]]
            if not there.any():
                continue
            values = columns.values[np.ix_(rows, group.columns[there])]
            yield self._block(columns, group, there.tobytes(), values, columns.at_ns[rows]), len(rows)

    def _block(self, columns: Columns, group: _Group, there: bytes, values: Values, at_ns: Instants) -> bytes:
        """Lines of rows that all have the same good points."""
        words = self._words(columns.frame, group, there)
        rows = zip(_json(values)[2:-2].split(b"],["), _json(at_ns)[1:-1].split(b","), strict=True)
        return b"".join([words % (*row.split(b","), at) for row, at in rows])

    def _words(self, frame: Frame, group: _Group, there: bytes) -> bytes:
        """A line with a place for each value and one for the time."""
        key = (frame.id, group.equipment, there)
        words = self._shapes.get(key)
        if words is None:
            fields = [field for field, wanted in zip(group.fields, there, strict=True) if wanted]
            assert group.head is not None
            keys = [part.replace(b"%", b"%%") for part in (group.head, *fields)]
            words = keys[0] + b",".join(field + b"=%b" for field in keys[1:]) + b" %b\n"
            self._shapes[key] = words
            if len(self._shapes) > MOST_SHAPES:
                self._shapes.popitem(last=False)
        return words

    def _changes(self, columns: Columns, groups: list[_Group]) -> list[bytes]:
        """A line for each change of a point's quality, in the order of the rows."""
        before = self._quality.get(columns.frame.id)
        if before is None:
            before = self._quality[columns.frame.id] = np.full(len(columns.frame.points), -1, np.int16)
        if not len(columns.at_ns) or (columns.quality == before).all():
            return []
        lines: list[bytes] = []
        for group in groups:
            if group.head is None:
                continue
            for column, field in zip(group.columns, group.fields, strict=True):
                there = np.flatnonzero(columns.quality[:, column] != Batch.ABSENT)
                if not len(there):
                    continue
                codes = columns.quality[there, column].astype(np.int16)
                changed = codes != np.concatenate((before[column : column + 1], codes[:-1]))
                before[column] = codes[-1]
                for row, code in zip(there[changed], codes[changed], strict=True):
                    lines.append(self._change(group, field, int(code), int(columns.at_ns[row])))
        return lines

    def _change(self, group: _Group, field: bytes, code: int, at_ns: int) -> bytes:
        tags = f"site={self._site.translate(_KEY)},equipment={group.equipment.translate(_KEY)}".encode()
        word = _WORDS.get(code, "unknown")
        return b'quality,%b,point=%b code=%d.0,word="%b" %d\n' % (tags, field, code, word.encode(), at_ns)


def measurement_key(kind: str) -> bytes:
    return kind.translate(_MEASUREMENT).encode()


def field_key(name: str) -> bytes:
    """A point's name as a field key or tag value. Control characters and backslashes, which neither can hold, become `_`."""
    return (_UNSPEAKABLE.sub("_", name).translate(_KEY) or "_").encode()


def _json(numbers: Values | Instants) -> bytes:
    """Shortest texts that read back as the same numbers; orjson formats a whole array in one call."""
    return orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)


def _counts(columns: Columns, good: npt.NDArray[np.bool_], lost: list[_Group]) -> dict[str, Count]:
    """Cells by day. lost: groups whose good cells could not be written."""
    found: dict[str, Count] = {}
    for day, rows in days_of(columns.at_ns):
        quality: Qualities = columns.quality[rows]
        absent = int(np.count_nonzero(quality == Batch.ABSENT))
        kept = int(np.count_nonzero(good[rows]))
        dead = sum(int(np.count_nonzero(good[rows][:, group.columns])) for group in lost)
        found[day] = Count(quality.size, kept - dead, quality.size - kept - absent, absent, 0, dead)
    return found


def fields_of(line: bytes) -> tuple[bytes, list[bytes], bytes]:
    """One of our own lines as (`measurement,tags`, [`key=value`, ...], time): for taking a line apart that the store refused."""
    head, rest = _UNESCAPED_SPACE.split(line.rstrip(b"\n"), maxsplit=1)
    fields, _, at = rest.rpartition(b" ")
    return head, _FIELD.findall(fields), at


def samples_in(line: bytes) -> tuple[str, int]:
    """(UTC day, samples) that go with a line of ours: a quality change carries none."""
    head, fields, at = fields_of(line)
    return day_of(int(at)), 0 if head.startswith(b"quality,") else len(fields)
