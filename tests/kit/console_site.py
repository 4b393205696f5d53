"""A data folder as a running installation leaves it, made through the real journal and the real schema: for the console's tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson

from plantroom.bundle import apply, site_of
from plantroom.clock import NS, Clock
from plantroom.evidence import EvidenceStore
from plantroom.journal import Entry, Journal, encode_batch
from plantroom.kinds import KindPoint, PointType
from plantroom.model import Batch, Frame, Quality, one_row
from plantroom.records import Records
from plantroom.site import Site

MINUTE = 60 * NS
SITE = """
site: {{id: {id}, name: {name}, zone: Asia/Shanghai, language: {language}, practice: gb}}
connections:
  - {{id: bus-1, modbus_tcp: {{host: 127.0.0.1, port: 1502}}}}
  - {{id: broker-1, mqtt: {{host: 127.0.0.1, port: 1883}}}}
devices:
  - {{id: io-1, profile: generic-32di, connection: bus-1, unit: 1}}
equipment:
  - {{id: gen-1, kind: generator, name: {machine}, location: {place}, profile: smartgen-hgm4000n, connection: bus-1, unit: 3}}
  - id: fp-1
    kind: fire_pump
    name: 1号消防泵
    points:
      - {{device: io-1, start: di_1, take: [pump_running, phase_loss, {{as: control_mode, values: {{0: manual, 1: auto}}}}]}}
  - {{id: as-1, kind: asset, name: 屋面}}
"""

# the 21st of November 2026, on which most of these tests are, is a Saturday
PEOPLE = """
channels:
  - {id: app, type: webhook, url: 'http://127.0.0.1:9/a'}
  - {id: duty, type: webhook, url: 'http://127.0.0.1:9/d'}
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {app: liwei}, certificates: [{name: 消防设施操作员, kinds: [fire_pump], until: 2027-06-30}]}
  - {id: wang.fang, name: 王芳, roles: [technician], contacts: {app: wangfang}}
  - {id: zhao.min, name: 赵敏, roles: [technician]}
  - {id: chief, name: 陈总, roles: [manager], contacts: {app: chief}}
roster:
  needs: {fire_pump: 消防设施操作员}
  teams:
    engineering:
      name: 工程部
      shifts:
        - {people: [li.wei], hours: "08:00-20:00"}
        - {people: [wang.fang, zhao.min], hours: "20:00-08:00"}
    managers: {name: 值班经理, shifts: [{people: [chief], hours: "08:00-18:00", days: mon-fri}]}
"""


def site_file(
    folder: Path, id_: str = "hq", name: str = "总部大厦", machine: str = "1号发电机", place: str = "地下一层", language: str = "zh",
    people: str = "",
) -> Path:  # fmt: skip
    """A small site: a generator, a fire pump by contacts, and a thing without telemetry. Names go in as JSON, whatever they hold."""
    path = folder / f"{id_}.yaml"
    quoted = {key: orjson.dumps(text).decode() for key, text in (("name", name), ("machine", machine), ("place", place))}
    path.write_text(SITE.format(id=id_, language=language, **quoted) + people, "utf-8")
    return path


class Installation:
    """One site below `data`. Times are relative to the clock's now when it was made; `records` is the engine's own connection."""

    def __init__(self, data: Path, site_file: Path, clock: Clock) -> None:
        self.data, self.clock = data, clock
        self.now = clock.read().wall_ns
        staging = Journal(data / ".staging", clock)
        record = apply(site_file, staging, "test")
        assert record is not None
        reader = staging.reader()
        found = site_of(reader)
        reader.close()
        assert found is not None
        self.site: Site = found[1]
        self.folder = data / self.site.id
        self.folder.mkdir(parents=True, exist_ok=True)
        (data / ".staging").rename(self.folder / "journal")
        self.journal = Journal(self.folder / "journal", clock)
        self.writer = self.journal.writer("collect")
        self.records = Records.open(self.folder / "records.db")

    def close(self) -> None:
        self.writer.close()
        self.records.close()

    def sample(self, values: Mapping[str, float], at_ns: int | None = None, quality: Quality = Quality.GOOD) -> None:
        """One batch of points; NaN where the quality is bad."""
        frame = Frame(tuple(values))
        n = len(values)
        row = np.array(list(values.values())) if quality is Quality.GOOD else np.full(n, np.nan)
        batch = one_row(frame, self.now if at_ns is None else at_ns, row, np.full(n, int(quality), np.uint8))
        self.writer.append([encode_batch(batch)])

    def samples(self, equipment: str, seconds: int, every: int = 1) -> None:
        """A plausible stretch of every point of a machine up to now."""
        bindings = self.site.equipment[equipment].bindings
        frame = Frame(tuple(b.point for b in bindings))
        entries: list[Entry] = []
        for back in range(seconds, -1, -every):
            row = np.array([plausible(b.kind_point, back, i) for i, b in enumerate(bindings)])
            batch = Batch(frame, np.array([self.now - back * NS]), row.reshape(1, -1), np.zeros((1, len(bindings)), np.uint8))
            entries.append(encode_batch(batch))
        self.writer.append(entries)

    def fault(
        self, id_: str, equipment: str, severity: str = "normal", text: tuple[str, str] = ("油压低", "Low oil pressure"), *,
        rule: str = "rule", minutes_ago: float = 3.0, condition: str = "active", order: str | None = None,
        values: Mapping[str, float] | None = None, mode: str = "live", no_data: int = 0, do: tuple[str, str] = ("到场检查", "Go and look"),
        kind: str | None = None,
    ) -> None:  # fmt: skip
        raised = self.now - round(minutes_ago * MINUTE)
        trace = {"seq": 17, "values": dict(values or {}), "parameters": {"limit": 103.0}, "expression": "value < limit"}
        if kind is None:
            kind = self.site.equipment[equipment].kind.name if equipment in self.site.equipment else "monitor"
        ended = self.now - MINUTE if condition in ("cleared", "withdrawn") else None
        self._insert("fault", {
            "id": id_, "rule": rule, "rule_hash": "h", "equipment": equipment, "kind": kind, "severity": severity, "condition": condition,
            "mode": mode, "no_data": no_data, "onset_ns": raised - 2 * NS, "raised_ns": raised, "ended_ns": ended, "ended_why": None,
            "text_json": _words(text), "do_json": _words(do), "trace_json": orjson.dumps(trace).decode(), "work_order": order,
        })  # fmt: skip

    def order(
        self, id_: str, equipment: str, severity: str = "normal", text: tuple[str, str] = ("油压低", "Low oil pressure"), *,
        fault: str | None = None, state: str = "open",
        minutes_ago: float = 3.0, limit_min: float = 15.0, by: str = "li.wei", agrees: int | None = None,
    ) -> None:  # fmt: skip
        opened = self.now - round(minutes_ago * MINUTE)
        reached = {"open": 0, "accepted": 1, "arrived": 2, "restored": 3, "closed": 4}[state]
        steps: dict[str, object] = {}
        for n, step in enumerate(("accepted", "arrived", "restored", "closed"), 1):
            done = reached >= n
            steps |= {f"{step}_ns": opened + n * 40 * NS if done else None, f"{step}_by": by if done else None}
        self._insert("work_order", {
            "id": id_, "fault": fault, "equipment": equipment, "severity": severity, "state": state, "text_json": _words(text),
            "opened_ns": opened, "opened_by": "system", "restored_agrees": agrees, **steps,
        })  # fmt: skip
        accepted = opened + 40 * NS if reached else None
        self.clock_row(id_, "response", opened, limit_min, accepted)
        if accepted is not None:
            self.clock_row(id_, "arrival", accepted, 2 * limit_min, accepted + 40 * NS if reached > 1 else None)

    def clock_row(self, order: str, name: str, started: int, minutes: float, stopped: int | None) -> None:
        due = started + round(minutes * MINUTE)
        missed = due if (stopped or self.now) > due else None
        self._insert("clock", {
            "work_order": order, "name": name, "round": 1, "started_ns": started, "warn_ns": started + round(0.8 * minutes * MINUTE),
            "due_ns": due, "breached_ns": missed, "stopped_ns": stopped,
        })  # fmt: skip

    def held(self, id_: str, fault: str, order: str | None, channel: str, into: str) -> None:
        """A page that a flood or the night held back."""
        self._insert("outbox", {
            "id": id_, "fault": fault, "work_order": order, "channel": channel, "person": None, "reason": "raised", "severity": "normal",
            "message_json": _words(("甲", "A")), "created_ns": self.now, "due_ns": self.now, "state": "dropped", "attempts": 0, "answer": into,
        })  # fmt: skip

    def page(
        self, id_: str, fault: str | None, order: str | None, channel: str, answer: str, *, verdict: str = "accepted",
        minutes_ago: float = 3.0, person: str | None = None, reason: str = "raised", confirmed: int = 1,
        message: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        at = self.now - round(minutes_ago * MINUTE)
        self._insert("outbox", {
            "id": id_, "fault": fault, "work_order": order, "channel": channel, "person": person, "reason": reason, "severity": "danger",
            "message_json": orjson.dumps(message).decode() if message else _words(("甲", "A")),
            "created_ns": at, "due_ns": at, "state": "accepted" if verdict == "accepted" else "queued",
            "attempts": 1, "answer": answer,
        })  # fmt: skip
        self._insert("attempt", {
            "outbox": id_, "n": 1, "channel": channel, "verdict": verdict, "answer": answer, "started_ns": at, "ended_ns": at + NS // 3,
            "confirmed": confirmed,
        })  # fmt: skip

    def severity_change(
        self, fault: str, before: str, after: str, who: str, *, seq: int = 40, second: str | None = None, reason: str = "", due_min: float | None = None
    ) -> None:
        """Two minutes ago, the words hidden as the engine hides them. due_min: from now."""
        due = None if due_min is None else self.now + round(due_min * MINUTE)
        if reason:
            self._insert("private", {"id": f"s{fault}.{seq}", "seq": seq, "field": f"args.reason {fault}", "salt": b"", "text": reason})
        self._insert("severity_change", {
            "fault": fault, "seq": seq, "at_ns": self.now - 2 * MINUTE, "who": who, "second": second, "before": before, "after": after,
            "reason": f"s{fault}.{seq}" if reason else None, "due_ns": due,
        })  # fmt: skip

    def handing(self, order: str, firm: str, who: str, *, seq: int, does: str = "handed", reason: str = "", told: Sequence[tuple[str, str]] = ()) -> None:
        if reason:
            self._insert("private", {"id": f"h{order}.{seq}", "seq": seq, "field": f"args.reason {order}", "salt": b"", "text": reason})
        self._insert("handing", {
            "work_order": order, "seq": seq, "at_ns": self.now - MINUTE, "who": who, "firm": firm, "does": does,
            "reason": f"h{order}.{seq}" if reason else None, "told_json": orjson.dumps(told).decode(),
        })  # fmt: skip

    def receipt(self, page: str, state: str, text: str = "") -> None:
        seq = 1 + self.records.db.execute("SELECT count(*) FROM receipt").fetchall()[0][0]
        self._insert("receipt", {"outbox": page, "seq": seq, "at_ns": self.now, "state": state, "text": text})

    def call(
        self, order: str, told: Sequence[tuple[str, str | None]], *, state: str = "calling", step: int = 1, next_min: float | None = 2.0,
        count: int = 0, tell: Sequence[Sequence[str]] = (("engineering", "everyone"), ("managers",)),
    ) -> None:  # fmt: skip
        """next_min: minutes from now; None where nobody is called any more."""
        chain = {"steps": [{"after_s": 180.0 * n, "tell": names, "by": None} for n, names in enumerate(tell)], "repeat_s": 180.0}
        self._insert("call", {
            "work_order": order, "state": state, "chain_json": orjson.dumps(chain).decode(), "began_ns": self.now - 3 * MINUTE, "step": step,
            "next_ns": None if next_min is None else self.now + round(next_min * MINUTE), "count": count,
            "called_json": orjson.dumps(told).decode(),
        })  # fmt: skip

    def major(self, order: str, head: str, person: str, *, page: str = "P9-1", task: tuple[str, str] = ("到场", "go there"), missed: bool = False) -> None:
        """A duty head who was told of an order at its opening and has not confirmed."""
        began = self.now - 3 * MINUTE
        due = began + (2 if missed else 15) * MINUTE
        self._insert("head_call", {
            "work_order": order, "round": 1, "head": head, "tell": person, "state": "calling", "began_ns": began, "due_ns": due,
            "repeat_ns": 5 * MINUTE, "next_ns": self.now + 2 * MINUTE, "count": 1, "called_json": "[]", "missed_ns": due if missed else None,
        })  # fmt: skip
        words = {"zh": ["甲", "乙"], "en": ["A", "B"], "head": head, "task": {"zh": task[0], "en": task[1]}}
        self._insert("outbox", {
            "id": page, "fault": None, "work_order": order, "channel": "app", "person": person, "reason": "major", "severity": "danger",
            "message_json": orjson.dumps(words).decode(), "created_ns": began, "due_ns": began, "state": "accepted", "attempts": 1,
            "answer": "ok",
        })  # fmt: skip

    def hollow(self, order: str, by: str, accepted_min_ago: float, limit_min: float) -> None:
        accepted = self.now - round(accepted_min_ago * MINUTE)
        said = [{"by": by, "accepted_ns": accepted, "due_ns": accepted + round(limit_min * MINUTE)}]
        self.records.db.execute("UPDATE work_order SET hollow_json = ? WHERE id = ?", (orjson.dumps(said).decode(), order))

    def roster_change(self, id_: str, team: str, from_ns: int, to_ns: int, *, come: str, out: str | None = None, reason: str = "") -> None:
        if reason:
            self._insert("private", {"id": f"reason of {id_}", "seq": self._seq(id_), "field": "args.reason", "salt": b"", "text": reason})
        self._insert("roster_change", {
            "id": id_, "seq": self._seq(id_), "at_ns": self.now, "who": "chief", "kind": "stand_in", "team": team, "from_ns": from_ns,
            "to_ns": to_ns, "out_person": out, "in_person": come, "reason": f"reason of {id_}" if reason else None, "state": "ahead",
        })  # fmt: skip

    def task(self, id_: str, job: str, role: str, state: str, due_ns: int, *, note: str = "", **more: object) -> None:
        """A task of the plan, due at that instant with a day's grace."""
        day = 86_400 * NS
        subject, _, entry = job.partition("/")
        if note:
            self._insert("private", {"id": f"note of {id_}", "seq": self._seq(id_), "field": "args.task", "salt": b"", "text": note})
        self._insert("plan_task", {
            "id": id_, "seq": self._seq(id_), "job": job, "subject": subject, "entry": entry or subject[1:], "role": role, "shape": "",
            "day": "2026-11-21", "due_day": "2026-11-21", "warn_ns": due_ns - day, "due_ns": due_ns, "overdue_ns": due_ns + day,
            "state": state, "created_ns": due_ns - 2 * day, "note": f"note of {id_}" if note else None, **more,
        })  # fmt: skip

    def handover(
        self, id_: str, team: str, by: str, opened: Mapping[str, object], *, note: str = "", state: str = "given", taken_by: str | None = None
    ) -> None:
        """An hour ago, taken over five minutes later."""
        given = self.now - 60 * MINUTE
        if note:
            self._insert("private", {"id": f"note of {id_}", "seq": self._seq(id_), "field": "args.text", "salt": b"", "text": note})
        nothing: dict[str, object] = {name: [] for name in ("orders", "holds", "shelved", "calls", "commissioning", "changes")}
        self._insert("handover", {
            "id": id_, "seq": self._seq(id_), "team": team, "open_json": orjson.dumps({**nothing, **opened}).decode(), "given_ns": given,
            "given_by": by, "given_note": f"note of {id_}" if note else None, "state": state,
            "taken_ns": given + 5 * MINUTE if taken_by else None, "taken_by": taken_by,
        })  # fmt: skip

    @staticmethod
    def _seq(id_: str) -> int:
        return int(id_[1:].partition("-")[0])

    def note(self, order: str, text: str) -> None:
        seq = 1_000 + self._seq(order)
        self._insert("private", {"id": f"note of {order}", "seq": seq, "field": "args.text", "salt": b"", "text": text})
        row = {"work_order": order, "seq": seq, "at_ns": self.now, "who": "li.wei", "does": "comment", "text": f"note of {order}"}
        self._insert("order_note", row)

    def evidence(self, order: str, machine: str, content: bytes, name: str) -> str:
        """A text that somebody put to an order; returns its hash."""
        arrival = EvidenceStore(self.folder).receive(self.now)
        arrival.write(content)
        stored = arrival.done()
        seq = 2_000 + self._seq(order)
        self._insert("private", {"id": f"name of {stored.hash}", "seq": seq, "field": "args.name", "salt": b"", "text": f"{name}.txt"})
        self._insert("evidence", {
            "hash": stored.hash, "about": "order", "target": order, "equipment": machine, "seq": seq, "at_ns": self.now, "who": "li.wei",
            "kind": stored.kind, "bytes": stored.size, "name": f"name of {stored.hash}",
        })  # fmt: skip
        return stored.hash

    def person(self, id_: str, name: str) -> None:
        self._insert("person", {"id": id_, "name": name})

    def outcome(
        self, command_id: str, does: str, target: str, who: str, applied: bool, says: tuple[str, str] = ("已办理", "Done"), *,
        state: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """What the engine would write when it reaches a command."""
        self._insert("command", {
            "id": command_id, "seq": 99, "at_ns": self.clock.read().wall_ns, "who": who, "does": does, "target": target,
            "outcome": "applied" if applied else "refused", "reason": "ok" if applied else "already_accepted", "says_json": _words(says),
            "state_json": orjson.dumps(state or {}).decode(),
        })  # fmt: skip

    def engine_at(self, seq: int, at_ns: int | None = None) -> None:
        at = self.clock.read()
        self.records.db.execute("DELETE FROM position")
        self._insert("position", {"one": 1, "seq": seq, "wall_ns": at_ns or at.wall_ns, "boot_ns": at.boot_ns, "boot": at.boot})

    def _insert(self, table: str, row: Mapping[str, object]) -> None:
        columns = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        self.records.db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", dict(row))


def plausible(point: KindPoint, back: int, salt: int) -> float:
    """A quiet machine: codes at rest, quantities that breathe a little around the middle of their range."""
    if point.type in (PointType.BOOL, PointType.SET):
        return float("ok" in point.name or "voltage_present" in point.name)
    if point.type is PointType.ENUM:
        return float(point.codes.get("auto", min(point.codes.values(), default=0)))
    low, high = point.range or (0.0, 100.0)
    if point.type is PointType.TIME:
        return 1.79e9
    middle = max(low, 0.0) + (high - max(low, 0.0)) * 0.28
    return middle * (1 + 0.02 * math.sin(back / 47 + salt))


def _words(text: tuple[str, str]) -> str:
    return orjson.dumps({"zh": text[0], "en": text[1]}).decode()
