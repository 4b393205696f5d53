"""A Sparkplug edge node and its devices: births name the metrics, data may speak in aliases, a gap in the sequence puts all in doubt. Pure.

Nothing is ever sent to a node, so a new birth is never asked for (docs/decisions/0006-never-a-rebirth.md): what stands in doubt stays so
until the node's next birth. A table says when a device's aliases may be believed:

    unborn --birth--> born --gap--> doubted --birth--> born          any --death--> dead --data--> unborn
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum

from collector.rows import Row, batches
from collector.sparkplug import GOOD, STALE, UNREADABLE, Metric, NoSparkplug, Payload, parse, value_of
from collector.stamps import believed
from collector.topics import Taken
from collector.values import ABSENT, DECODE, SENTINEL, Judge, Judged, judge_of
from plantroom.clock import Reading
from plantroom.model import Batch, Frame, Quality, all_bad
from plantroom.profiles import JsonPath, Profile
from plantroom.site import Binding

_SKEWED: Judged = (float("nan"), int(Quality.CLOCK_SKEW))
_STALE: Judged = (float("nan"), int(Quality.STALE))


class Life(StrEnum):
    UNBORN = "unborn"  # it speaks, or not, and no birth was heard
    BORN = "born"
    DOUBTED = "doubted"  # a message is missing since its birth
    DEAD = "dead"


class Heard(StrEnum):
    BIRTH = "birth"
    DATA = "data"
    GAP = "gap"
    DEATH = "death"


TABLE: dict[tuple[Life, Heard], Life] = {
    (Life.UNBORN, Heard.BIRTH): Life.BORN,
    (Life.UNBORN, Heard.DATA): Life.UNBORN,
    (Life.UNBORN, Heard.GAP): Life.UNBORN,
    (Life.UNBORN, Heard.DEATH): Life.DEAD,
    (Life.BORN, Heard.BIRTH): Life.BORN,
    (Life.BORN, Heard.DATA): Life.BORN,
    (Life.BORN, Heard.GAP): Life.DOUBTED,
    (Life.BORN, Heard.DEATH): Life.DEAD,
    (Life.DOUBTED, Heard.BIRTH): Life.BORN,
    (Life.DOUBTED, Heard.DATA): Life.DOUBTED,
    (Life.DOUBTED, Heard.GAP): Life.DOUBTED,
    (Life.DOUBTED, Heard.DEATH): Life.DEAD,
    (Life.DEAD, Heard.BIRTH): Life.BORN,
    (Life.DEAD, Heard.DATA): Life.UNBORN,
    (Life.DEAD, Heard.GAP): Life.DEAD,
    (Life.DEAD, Heard.DEATH): Life.DEAD,
}


class Member:
    """What is read of one device of a node, or of the node itself. Columns are its bindings, in their order."""

    def __init__(self, device: str, profile: Profile, bindings: Sequence[Binding]) -> None:
        assert profile.mqtt is not None
        self.device = device
        self.life = Life.UNBORN
        self._spoke = False  # since it was last asked for its silence
        self.frame = Frame(tuple(b.point for b in bindings))
        self._fixed = profile.mqtt.fixed_aliases
        self._columns: dict[str, list[tuple[int, Judge]]] = {}
        self._names: dict[int, str] = {}  # by alias
        self._types: dict[str, int] = {}  # by name
        for i, binding in enumerate(bindings):
            source = profile.points[binding.source].source
            assert isinstance(source, JsonPath), "the site's check binds MQTT devices to payload points"
            self._columns.setdefault(source.path, []).append((i, judge_of(profile.points[binding.source], binding, quoted=True)))
            if source.alias is not None:
                self._names[source.alias] = source.path

    def hears(self, heard: Heard) -> None:
        self.life = TABLE[self.life, heard]
        self._spoke |= heard is Heard.DATA

    def silent(self, wall_ns: int) -> Batch:
        """No usable word of it: because it is quiet, or because its aliases mean nothing without a birth."""
        doubted = self._spoke and self.life in (Life.UNBORN, Life.DOUBTED)
        self._spoke = False
        return all_bad(self.frame, wall_ns, Quality.UNCONFIRMED if doubted else Quality.NO_ANSWER)

    def bad(self, wall_ns: int, why: Quality) -> Batch:
        return all_bad(self.frame, wall_ns, why)

    def born(self, metrics: Sequence[Metric]) -> str:
        """Learns names, aliases and types. Returns what the profile wants and the birth does not have, "" = nothing."""
        self._names = {m.alias: m.name for m in metrics if m.alias is not None and m.name is not None}
        self._types = {m.name: m.datatype for m in metrics if m.name is not None and m.datatype is not None}
        names = [m.name for m in metrics if m.name is not None]
        absent = [name for name in self._columns if name not in names]
        if not absent:
            return ""
        near = [match for name in absent[:3] for match in get_close_matches(name, names[:2000], 1, 0.6)]
        return f"not in its birth: {', '.join(absent[:5])}" + (f"; it has {', '.join(near)}" if near else "")

    def rows(self, payload: Payload, wall_ns: int) -> tuple[list[Row], str]:
        """(one row an instant, what was wrong with some of it)."""
        wrong = ""
        rows: dict[tuple[int, bool], list[Judged]] = {}
        for metric in payload.metrics:
            name = metric.name if metric.name is not None else self._named(metric)
            if name is None:
                wrong = "alias without a birth: waiting for the node's next birth; let it send names, or ask for one at its primary host"
                continue
            for column, judge in self._columns.get(name, ()):
                own, judged = self._judged(metric, name, judge, payload.at_ms, wall_ns)
                rows.setdefault(own, [ABSENT] * len(self.frame.points))[column] = judged
        return [Row(at_ns, stamped, judged) for (at_ns, stamped), judged in rows.items()], wrong

    def _named(self, metric: Metric) -> str | None:
        believed_now = self._fixed or self.life is Life.BORN
        return self._names.get(metric.alias) if metric.alias is not None and believed_now else None

    def _judged(self, metric: Metric, name: str, judge: Judge, payload_ms: int | None, wall_ns: int) -> tuple[tuple[int, bool], Judged]:
        at_ms = metric.at_ms if metric.at_ms is not None else payload_ms
        at_ns = None if at_ms is None else at_ms * 1_000_000
        if at_ms is not None and believed(at_ns, wall_ns, at_ms):
            return (wall_ns, False), _SKEWED
        own = (wall_ns, False) if at_ns is None else (at_ns, True)
        if metric.historical and at_ns is None:
            return own, _SKEWED  # the past, and nobody knows which
        if metric.quality is not None and metric.quality != GOOD:
            return own, _STALE if metric.quality == STALE else SENTINEL
        found = value_of(metric, metric.datatype if metric.datatype is not None else self._types.get(name))
        return own, DECODE if found is UNREADABLE else judge(found)


class EdgeNode:
    """Takes every message of a node: the sequence runs over all of them. members: by the device's name on the wire, "" = the node."""

    def __init__(self, depth: int, members: Mapping[str, Member]) -> None:
        self._depth = depth  # levels of the topic before the message's type
        self._members = dict(members)
        self.device = next(iter(members.values())).device  # speaks for all of them where only one can be named
        self._last: int | None = None  # sequence number
        self._last_message: tuple[bytes, int] = (b"", 0)
        self._bd_seq: int | None = None

    def take(self, topic: bytes, payload: bytes, at: Reading, *, retained: bool) -> Taken:
        kind, name = self._parts(topic)
        if kind in ("NCMD", "DCMD", ""):
            return Taken()  # what other hosts tell the node
        member = self._members.get(name)
        if retained:
            stale = [] if member is None else [member.bad(at.wall_ns, Quality.NOT_FRESH)]
            return Taken(stale, faults=[(self._who(member), "retained")])
        try:
            read = parse(payload)
        except NoSparkplug as error:
            return self._unreadable(member, at, f"no Sparkplug: {error}")
        if kind == "NDEATH":
            return self._node_dies(read, at)
        message = (topic, hash(payload))
        if kind != "NBIRTH" and read.seq == self._last and message == self._last_message:
            return Taken(faults=[(self._who(member), "duplicate")])
        self._last_message = message
        taken, faults, missing = self._in_sequence(kind, read, at)
        if kind == "NBIRTH":
            self._bd_seq = _bd_seq(read)
            for each in self._members.values():
                each.hears(Heard.GAP)
        if member is None:
            return Taken(taken, faults=faults, missing=missing)
        if kind == "DDEATH":
            member.hears(Heard.DEATH)
            gone = member.bad(at.wall_ns, Quality.NO_ANSWER)
            return Taken([*taken, gone], [member.device], [*faults, (member.device, "offline")], missing)
        member.hears(Heard.BIRTH if kind in ("NBIRTH", "DBIRTH") else Heard.DATA)
        if kind in ("NBIRTH", "DBIRTH") and (absent := member.born(read.metrics)):
            faults.append((member.device, absent))
        rows, wrong = member.rows(read, at.wall_ns)
        if wrong:
            faults.append((member.device, wrong))
        made = batches(member.frame, rows) if rows else []
        return Taken([*taken, *made], [member.device] if made or not wrong else [], faults, missing)

    def refuse(self, topic: bytes, at: Reading, why: str) -> Taken:
        return self._unreadable(self._members.get(self._parts(topic)[1]), at, why)

    def _parts(self, topic: bytes) -> tuple[str, str]:
        """(type of the message, device's name, "" of the node itself)."""
        levels = topic.decode("utf-8", "replace").split("/")[self._depth :]
        return (levels[0], "/".join(levels[2:])) if len(levels) >= 2 else ("", "")

    def _who(self, member: Member | None) -> str:
        return self.device if member is None else member.device

    def _unreadable(self, member: Member | None, at: Reading, why: str) -> Taken:
        """It may have been any message: what it said is missing."""
        self._last = None
        return Taken(self._doubt(at), faults=[(self._who(member), why)])

    def _node_dies(self, read: Payload, at: Reading) -> Taken:
        """A will of a connection before the one that gave the last birth is late and says nothing about now."""
        told = _bd_seq(read)
        if told is not None and self._bd_seq is not None and told != self._bd_seq:
            return Taken(faults=[(self._who(None), f"death of an earlier birth: bdSeq {told}, the last birth was {self._bd_seq}")])
        gone = [m for m in self._members.values() if m.life is not Life.DEAD]
        for member in gone:
            member.hears(Heard.DEATH)
        self._last, self._bd_seq = None, None
        lost = [member.bad(at.wall_ns, Quality.NO_ANSWER) for member in gone]
        return Taken(lost, [m.device for m in gone], [(m.device, "offline") for m in gone])

    def _in_sequence(self, kind: str, read: Payload, at: Reading) -> tuple[list[Batch], list[tuple[str, str]], int]:
        """(what has become doubtful, what was wrong, messages missing). NBIRTH begins at 0; each other message counts one on, 255 -> 0."""
        seq, last = read.seq, self._last
        if seq is None or seq > 255 or (kind == "NBIRTH" and seq != 0):
            self._last = 0 if kind == "NBIRTH" else None
            said = "none" if seq is None else seq
            wrong = f"wrong sequence number: {said} in {kind}; 0..255 is right, 0 in a birth of the node"
            return self._doubt(at), [(self._who(None), wrong)], 0
        self._last = seq
        if kind == "NBIRTH" or last is None or seq == (last + 1) % 256:
            return [], [], 0
        missing = (seq - last - 1) % 256
        return self._doubt(at), [(self._who(None), f"sequence gap: {missing} missing before {seq}")], missing

    def _doubt(self, at: Reading) -> list[Batch]:
        """What is reported by exception only and was missed may have changed: nothing of the node counts until it is said again."""
        touched = [m for m in self._members.values() if m.life is not Life.DEAD]
        for member in touched:
            member.hears(Heard.GAP)
        return [member.bad(at.wall_ns, Quality.STALE) for member in touched]


def _bd_seq(read: Payload) -> int | None:
    return next((m.value for m in read.metrics if m.name == "bdSeq" and isinstance(m.value, int)), None)
