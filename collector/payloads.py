"""A device's payload, JSON or a plain value, into batches, never an exception: what cannot be used is a bad sample and says why. Pure."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import orjson

from collector.debounce import Debounce
from collector.duplicates import Marks
from collector.paths import NOTHING, Finder, finder
from collector.rows import MOST_ROWS, Row, Settled, batches
from collector.stamps import believed, read_stamp
from collector.values import ABSENT, DECODE, SENTINEL, Judge, Judged, judge_of
from plantroom.model import Batch, Frame, Quality, all_bad
from plantroom.profile_mqtt import WHOLE
from plantroom.profiles import JsonPath, MqttShape, Profile
from plantroom.site import Binding

_SKEWED: Judged = (float("nan"), int(Quality.CLOCK_SKEW))


class Decoded(NamedTuple):
    """batches: none where the payload has nothing of ours. fault: what was wrong with the payload as a whole, "" = nothing.

    missing: messages that should have come between the last one and this, by the device's own count.
    """

    batches: Sequence[Batch]
    fault: str = ""
    missing: int = 0


class _Column(NamedTuple):
    read: Judge  # from the document
    stamp: Finder | None  # of its own


class PayloadDecoder:
    """Payloads of one topic of a device. Columns are the bindings whose points stand there, in their order.

    topic: as in the profile. marks: memory of what came before; None = repetitions are stored again.
    """

    def __init__(self, profile: Profile, bindings: Sequence[Binding], topic: str = "", marks: Marks | None = None) -> None:
        assert profile.mqtt is not None, "a profile without mqtt has no payloads"
        self.shape: MqttShape = profile.mqtt
        own = topic or self.shape.topic
        mine = [b for b in bindings if topic_of(profile, b.source) == own]
        self.frame = Frame(tuple(b.point for b in mine))
        self.plain = all(_source(profile, b).path == "" for b in mine)
        self._columns = [_column(profile, b, self.shape) for b in mine]
        self._reads = [column.read for column in self._columns]
        self._split = any(column.stamp is not None for column in self._columns)
        self._at = None if self.shape.at is None or self.plain else finder(self.shape.at)
        self._seq = finder(self.shape.seq) if self.shape.seq and not self.plain else None
        self._rows = finder(self.shape.rows) if self.shape.rows and self.shape.rows != WHOLE and not self.plain else None
        self._listed = bool(self.shape.rows) and not self.plain
        self._marks = marks
        self._count: int | None = None  # the device's, of the newest message
        patience = {i: b.debounce_s for i, b in enumerate(mine) if b.debounce_s > 0}
        self._settled = Settled(Debounce(patience)) if patience else None

    def decode(self, payload: bytes, wall_ns: int, boot_ns: int, *, retained: bool = False, topic: bytes = b"") -> Decoded:
        """wall_ns, boot_ns: the receipt. A retained message is the past, whatever it says: all its points are not_fresh."""
        if retained:
            return Decoded([all_bad(self.frame, wall_ns, Quality.NOT_FRESH)], "retained")
        document = _plain(payload) if self.plain else _parse(payload)
        if isinstance(document, _Fault):
            return self.unreadable(wall_ns, document.why)
        documents = self._documents(document)
        if isinstance(documents, _Fault):
            return self.unreadable(wall_ns, documents.why)
        rows, fault = self._all_rows(documents, wall_ns)
        count = NOTHING if self._seq is None else self._seq(document)
        if self._marks is not None and (mark := _mark(count, rows)) is not None and self._marks.seen(topic, mark, payload):
            return Decoded((), "duplicate")
        missing = self._missing(count)
        made = batches(self.frame, rows)
        if not made:
            return Decoded((), fault or "nothing of ours in the payload", missing)
        if self._settled is not None:
            for batch in made:
                self._settled.apply(wall_ns, boot_ns, batch)
        return Decoded(made, fault, missing)

    def unreadable(self, wall_ns: int, why: str) -> Decoded:
        """A payload that nothing can be read of."""
        return Decoded([all_bad(self.frame, wall_ns, Quality.DECODE)], why)

    def interrupt(self) -> None:
        """The device was silent: a change that was waiting to settle begins anew."""
        if self._settled is not None:
            self._settled.interrupt()

    def _all_rows(self, documents: Sequence[Any], wall_ns: int) -> tuple[list[Row], str]:
        """(rows, what was wrong with the last stamp that was)."""
        rows: list[Row] = []
        fault = ""
        for each in documents:
            at_ns, stamped, wrong = self._instant(each, wall_ns)
            if wrong:
                fault = wrong
                rows.append(Row(wall_ns, False, [_SKEWED] * len(self._columns)))
            elif self._split:
                rows += self._at_own_instants(each, at_ns, stamped, wall_ns)
            else:
                rows.append(Row(at_ns, stamped, [read(each) for read in self._reads]))
        return rows, fault

    def _documents(self, document: Any) -> Any:
        """The documents of a payload, one instant each, or what is wrong with it."""
        if not self._listed:
            if self.plain or isinstance(document, dict | list):
                return [document]
            return _Fault("the payload is neither an object nor an array")
        listed = document if self._rows is None else self._rows(document)
        if not isinstance(listed, list):
            return _Fault(f"no list at {self.shape.rows}")
        return listed if len(listed) <= MOST_ROWS else _Fault(f"too many rows: {len(listed)}, more than {MOST_ROWS}")

    def _instant(self, document: Any, wall_ns: int) -> tuple[int, bool, str]:
        """(event time, whether it is the device's own, what is wrong with its stamp). A payload without the stamp counts as received."""
        if self._at is None or (stamp := self._at(document)) is NOTHING:
            return wall_ns, False, ""
        at_ns = read_stamp(stamp, self.shape.at_format)
        wrong = believed(at_ns, wall_ns, stamp)
        return (wall_ns, False, wrong) if wrong or at_ns is None else (at_ns, True, "")

    def _at_own_instants(self, document: Any, at_ns: int, stamped: bool, wall_ns: int) -> list[Row]:
        """Points with a stamp of their own in rows of their own; the others at the document's."""
        rows: dict[tuple[int, bool], list[Judged]] = {}
        for i, column in enumerate(self._columns):
            judged, own = column.read(document), (at_ns, stamped)
            stamp = NOTHING if column.stamp is None else column.stamp(document)
            if stamp is not NOTHING and judged is not ABSENT:
                said = read_stamp(stamp, self.shape.at_format)
                if said is None or believed(said, wall_ns, stamp):
                    judged, own = _SKEWED, (wall_ns, False)
                else:
                    own = (said, True)
            if judged is not ABSENT:
                rows.setdefault(own, [ABSENT] * len(self._columns))[i] = judged
        return [Row(at, mark, judged) for (at, mark), judged in rows.items()]

    def _missing(self, count: Any) -> int:
        """A count that goes back is a device that started again, or sends what it had kept."""
        if isinstance(count, bool) or not isinstance(count, int):
            return 0
        last, self._count = self._count, count
        return count - last - 1 if last is not None and 0 < count - last <= MOST_ROWS else 0


class _Fault(NamedTuple):
    why: str


def _mark(count: Any, rows: Sequence[Row]) -> Hashable:
    """What the device itself put on this message to tell it from others; None = nothing."""
    if isinstance(count, int | str):
        return count
    return rows[0].at_ns if rows and all(row.stamped for row in rows) else None


def topic_of(profile: Profile, name: str) -> str:
    """Where a device point is published: its own topic, or the profile's."""
    source = profile.points[name].source
    assert isinstance(source, JsonPath) and profile.mqtt is not None, "the site's check binds MQTT devices to payload points"
    return source.topic or profile.mqtt.topic


def _source(profile: Profile, binding: Binding) -> JsonPath:
    source = profile.points[binding.source].source
    assert isinstance(source, JsonPath)
    return source


def _column(profile: Profile, binding: Binding, shape: MqttShape) -> _Column:
    point, source = profile.points[binding.source], _source(profile, binding)
    quoted = shape.quoted or source.path == ""
    find, stamp = finder(source.path) if source.path else _whole, finder(source.at) if source.at else None
    if not source.unit_path:
        return _Column(_reader(find, judge_of(point, binding, quoted=quoted)), stamp)
    by_unit = {word: judge_of(point, binding, quoted=quoted, gain=gain, bias=bias) for word, (gain, bias) in source.units.items()}
    return _Column(_unit_reader(find, finder(source.unit_path), by_unit), stamp)


def _whole(document: Any) -> Any:
    return document


def _reader(find: Finder, judge: Judge) -> Judge:
    def read(document: Any) -> Judged:
        found = find(document)
        return ABSENT if found is NOTHING else judge(found)

    return read


def _unit_reader(find: Finder, unit: Finder, by_unit: dict[str, Judge]) -> Judge:
    """Of a value whose unit stands beside it."""

    def read(document: Any) -> Judged:
        found = find(document)
        if found is NOTHING:
            return ABSENT
        word = unit(document)
        judge = by_unit.get(word) if isinstance(word, str) else None
        if judge is None:
            return SENTINEL if found is None else DECODE
        return judge(found)

    return read


def _plain(payload: bytes) -> Any:
    """The payload as text."""
    try:
        return payload.decode().strip("\0 \t\r\n")
    except UnicodeDecodeError:
        return _Fault("no text: the payload is not UTF-8")


def _parse(payload: bytes) -> Any:
    """The document, or what is wrong with it. NaN, Infinity and endless numbers are no JSON but
    devices write them: so the lenient reader has a try before all is bad."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            document = json.loads(payload)
        except RecursionError:
            return _Fault("no JSON: nested too deep")
        except ValueError:
            return _Fault(f"no JSON: {error}")
    return document
