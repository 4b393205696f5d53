"""An engine on a virtual clock with its journal as a list: what is said to it is a record, what it holds are rows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from plantroom.clock import NS, VirtualClock
from plantroom.journal.record import Entry, Kind, Record, encode_batch
from plantroom.model import Batch, Frame, Quality, one_row
from plantroom.records import Records
from plantroom.site_file import load_site
from rules import house
from rules.engine import Engine
from rules.house import House
from rules.rebuild import hidden_in
from rules.snapshots import decode, encode
from tests.kit.journals import NOON

SITE = """
site: {{id: tower, name: 试验楼, zone: Asia/Shanghai, language: zh, practice: gb}}
connections:
  - {{id: bus, modbus_tcp: {{host: 127.0.0.1, port: 1502}}}}
channels:
  - {{id: duty, type: webhook, url: 'http://127.0.0.1:9/', private: 127.0.0.1}}
  - {{id: screen, type: mqtt, host: 127.0.0.1, severities: [danger, readiness]}}
devices:
  - {{id: io-1, profile: generic-32di, connection: bus, unit: 1}}
equipment:
{equipment}
"""

PUMP = """
  - id: {id}
    kind: fire_pump
    name: {name}
    location: B2层水泵房
    state: {state}
    points:
      - device: io-1
        take:
          di_{a}: {{as: phase_loss}}
          di_{b}: {{as: pump_running}}
          di_{c}: {{as: jockey_fault}}
          di_{d}: {{as: control_mode, values: {{0: manual, 1: auto}}}}
"""
AT_REST = {"phase_loss": 0, "pump_running": 0, "jockey_fault": 0, "control_mode": 1}


def pump(number: int, state: str = "in_service", name: str = "") -> str:
    at = 4 * number
    return PUMP.format(id=f"fp-{number}", name=name or f"{number}号消防泵", state=state, a=at - 3, b=at - 2, c=at - 1, d=at)


def site_text(*equipment: str) -> str:
    return SITE.format(equipment="".join(equipment))


PEOPLE = """
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {app: liwei, voice: "13800000001"}}
  - {id: wang.fang, name: 王芳, roles: [technician], contacts: {app: wangfang}}
  - {id: chief, name: 陈总, roles: [manager], contacts: {app: chief, voice: "13800000002"}}
roster:
  teams:
    engineering:
      shifts:
        - {people: [li.wei], hours: "08:00-20:00"}
        - {people: [wang.fang], hours: "20:00-08:00"}
    managers: {shifts: [{people: [chief], hours: "00:00-24:00"}]}
escalation:
  danger: {steps: [{after: 0s, tell: [engineering, everyone], by: [app, duty]}, {after: 180s, tell: [engineering], by: [voice]}, {after: 6m, tell: [managers]}], repeat: 3m}
  readiness: {steps: [{after: 0s, tell: [engineering, everyone]}, {after: 10m, tell: [managers]}], repeat: 10m}
"""
CHANNELS = """
  - {id: app, type: webhook, url: 'http://127.0.0.1:9/a', private: 127.0.0.1}
  - {id: voice, type: webhook, url: 'http://127.0.0.1:9/v', private: 127.0.0.1, severities: [danger, readiness]}
devices:"""


def peopled(text: str = PEOPLE, *equipment: str) -> str:
    """Two pumps, or these, with people, teams and chains."""
    return site_text(*(equipment or (pump(1), pump(2)))).replace("\ndevices:", CHANNELS, 1) + text


def rule_text(
    id: str, point: str, severity: str, *, for_: str = "2s", clear_after: str = "3s", extra: str = "", on_missing: str = "hold"
) -> str:
    return f"""
id: {id}
applies_to: fire_pump
needs: [{point}]
when: {point}
for: {for_}
clear_after: {clear_after}
on_missing: {on_missing}
severity: {severity}
says: {{zh: {id}出了事, en: "{id} happened"}}
do: {{zh: 去水泵房看看, en: "go to the pump room"}}
{extra}
tests:
  - {{name: raised, every: 1s, {point}: "0 x3, 1 x9", expect: {{2s: cleared}}}}
"""


def event_text(event: str, severity: str = "normal", clear_after: str = "10m") -> str:
    return f"""
id: {event}
applies_to: monitor
on_event: {event}
clear_after: {clear_after}
severity: {severity}
says: {{zh: {event}来了, en: "{event} came"}}
do: {{zh: 查看日志, en: "read the log"}}
"""


RULES: Mapping[str, str] = {
    "rules/packs/fire_pump/phase_loss.yaml": rule_text("phase_loss", "phase_loss", "readiness"),
    "rules/packs/fire_pump/ran.yaml": rule_text("ran", "pump_running", "danger"),
    "rules/packs/fire_pump/jockey.yaml": rule_text("jockey", "jockey_fault", "normal"),
    **{
        f"rules/packs/monitor/{event}.yaml": event_text(event)
        for event in ("service_restarted", "clock_step", "config_rejected", "delivery_failed", "journal_gap")
    },
}


@lru_cache(maxsize=64)
def _files(text: str) -> Mapping[str, str]:
    """A site file with the texts it needs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(text)
        return load_site(path, env={}).files


_HOUSES: dict[str, House] = {}


def furnish(record: Record) -> House:
    """As the engine's own; the same texts are read once."""
    key = orjson.dumps(orjson.loads(record.body)["files"], option=orjson.OPT_SORT_KEYS).decode()
    if key not in _HOUSES:
        _HOUSES[key] = house.furnish(record)
    return _HOUSES[key]


class Kit:
    """records: the journal so far. `run` hands the engine what it has not had yet."""

    def __init__(self, folder: Path, *, wall_ns: int = NOON, name: str = "records.db") -> None:
        self.clock = VirtualClock(wall_ns)
        self.folder = folder
        self.journal: list[Record] = []
        self.frames: dict[bytes, Frame] = {}
        self._done = 0
        self.open(name)

    def open(self, name: str = "records.db") -> None:
        """A new engine on the records of that name: a restart."""
        self.records = Records.open(self.folder / name)
        self.engine = Engine(self.records, furnish, self.frames.__getitem__)

    def close(self) -> None:
        self.records.close()

    # -- what happens

    def append(self, entry: Entry, source: str = "test") -> Record:
        if entry.frame is not None:
            self.frames[entry.frame.id] = entry.frame
        record = Record(len(self.journal) + 1, self.clock.read(), source, len(self.journal) + 1, entry.kind, entry.body)
        self.journal.append(record)
        return record

    def configure(self, text: str | None = None, rules: Mapping[str, str] = RULES) -> Record:
        files = {**_files(text or site_text(pump(1), pump(2))), **rules}
        body = {"hash": f"hash {len(self.journal)}", "who": "tester", "difference": "", "root": "site.yaml", "files": files}
        return self.append(Entry(Kind.CONFIG, orjson.dumps(body)), "apply")

    def read(self, at_ns: int | None = None, pump: int = 1, bad: Quality | None = None, **different: float) -> Record:
        """One read of a pump at rest but for what is given; bad: the whole read failed."""
        points: dict[str, float | Quality] = {name: bad or different.get(name, value) for name, value in AT_REST.items()}
        frame = Frame(tuple(f"fp-{pump}.{name}" for name in points))
        values = np.array([np.nan if isinstance(value, Quality) else float(value) for value in points.values()])
        quality = np.array([int(value) if isinstance(value, Quality) else 0 for value in points.values()], np.uint8)
        return self.append(encode_batch(one_row(frame, self.clock.read().wall_ns if at_ns is None else at_ns, values, quality)), "collect")

    def bank(self, values: Sequence[Sequence[float]], ago_s: Sequence[float] = (0.0,), *, stamped: bool = False) -> Record:
        """One message about several pumps, with a row for each `ago_s`: values[pump][k] of the points of AT_REST."""
        frame = Frame(tuple(f"fp-{n}.{name}" for n in range(1, len(values) + 1) for name in AT_REST))
        row = np.array([value for pump in values for value in pump], np.float64)
        now = self.clock.read().wall_ns
        at = np.array([now - round(ago * NS) for ago in ago_s], np.int64)
        shape = (len(at), row.size)
        return self.append(encode_batch(Batch(frame, at, np.tile(row, (len(at), 1)), np.zeros(shape, np.uint8), stamped)), "collect")

    def tick(self, seconds: float = 1.0) -> Record:
        self.clock.advance(seconds)
        return self.append(Entry(Kind.TICK, b"{}"), "rules")

    def ticks(self, seconds: int, every_s: int = 1) -> None:
        for passed in range(0, seconds, every_s):
            self.tick(min(every_s, seconds - passed))

    def stay(self, seconds: int, pump: int = 1, bad: Quality | None = None, **different: float) -> None:
        """The same read, once a second, with its ticks."""
        for _ in range(seconds):
            self.read(None, pump, bad, **different)
            self.tick()

    def say(self, body: Mapping[str, Any] | bytes, kind: Kind) -> Record:
        return self.append(Entry(kind, body if isinstance(body, bytes) else orjson.dumps(body)))

    def event(self, name: str, **values: Any) -> Record:
        return self.say({"event": name, **values}, Kind.EVENT)

    def command(
        self, does: str, target: str, who: str = "li.wei", roles: Sequence[str] = ("technician",), id: str = "", phone: Mapping[str, Any] | None = None, **args: Any
    ) -> str:
        """Appends a command and runs; its outcome's reason."""
        command_id = id or f"command-{len(self.journal) + 1:04d}"
        person = {"id": who, "name": f"{who}'s name", "roles": list(roles)}
        body = {"command_id": command_id, "does": does, "target": target, "who": person, "args": args, **({"phone": phone} if phone else {})}
        self.say(body, Kind.COMMAND)
        self.run()
        return str(self.one("SELECT reason FROM command WHERE id = ?", command_id))

    def attempt(self, page: str, verdict: str, answer: str = "", **more: Any) -> Record:
        now = self.clock.read().wall_ns
        body = {"outbox": page, "channel": "duty", "verdict": verdict, "answer": answer, "started_ns": now - NS, "ended_ns": now, **more}
        return self.say(body, Kind.ATTEMPT)

    def run(self, size: int = 1_000_000) -> None:
        """The engine takes what it has not had, `size` records at a time."""
        while self._done < len(self.journal):
            self.engine.take(self.journal[self._done : self._done + size])
            self._done = min(self._done + size, len(self.journal))

    def again(self, name: str, cuts: Sequence[int]) -> dict[str, list[tuple[Any, ...]]]:
        """What another engine makes of the same journal, taken in pieces that end at `cuts`."""
        records = Records.open(self.folder / name)
        engine = Engine(records, furnish, self.frames.__getitem__, hidden_in(self.records))
        begin = 0
        for end in [*cuts, len(self.journal)]:
            engine.take(self.journal[begin:end])
            begin = max(begin, end)
        engine.memory()  # commits what is seen
        try:
            return dump(records)
        finally:
            records.close()

    def restarted(self, snapped: int, died: int) -> dict[str, list[tuple[Any, ...]]]:
        """What becomes of the same journal where the process dies somewhere after a snapshot and resumes from it with effects muted."""
        snapped, died = sorted((max(snapped, 1), max(died, 1)))
        with closing(Records.open(self.folder / "restarted.db")) as records:
            hidden = hidden_in(self.records)
            engine = Engine(records, furnish, self.frames.__getitem__, hidden)
            engine.take(self.journal[:snapped])
            snapshot = encode(engine.memory())
            engine.take(self.journal[snapped:died])
            engine = Engine(records, furnish, self.frames.__getitem__, hidden)
            engine.remember(decode(snapshot))
            engine.take(self.journal[snapped:])
            engine.memory()
            return dump(records)

    def restart(self, name: str = "records.db") -> None:
        """The process dies and starts again without any snapshot: the journal is read from its beginning."""
        self.close()
        self.open(name)
        self._done = 0

    # -- what it holds

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return list(self.records.db.execute(sql, values))

    def one(self, sql: str, *values: object) -> Any:
        rows = self.rows(sql, *values)
        assert len(rows) == 1, f"{len(rows)} rows of: {sql} {values}"
        return rows[0][0] if len(rows[0]) == 1 else rows[0]

    def faults(self) -> list[tuple[str, str, str]]:
        """(equipment, rule, condition), oldest first."""
        return self.rows("SELECT equipment, rule, condition FROM fault ORDER BY raised_ns, id")

    def order(self) -> str:
        """The id of the only order."""
        return str(self.one("SELECT id FROM work_order"))

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        return dump(self.records)


def dump(records: Records) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows."""
    tables = [name for (name,) in records.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {table: sorted(records.db.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}
