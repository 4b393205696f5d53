"""The `collect` service on a fleet of devices: configured, killed, started again, and its journal held against what the devices said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from plantroom.clock import NS, SystemClock
from plantroom.journal import Journal, Kind
from plantroom.journal.columns import frame_id_of, stack
from plantroom.journal.record import Entry
from plantroom.kinds import BUILTIN
from plantroom.site_file import hash_of
from tests.kit.fleet import PUBLISHED, SOUND, TRUTH_ROW, WORDS, check, faulty
from tests.kit.killer import ROOT

KIND = """
kind: fleet
says: {{zh: 设备, en: device}}
points:
  v: {{type: float, numbered: {words}, every: {period:g}s, says: {{zh: 值, en: value}}}}
items: {{}}
"""
POLLED = "profile: polled\nmodel: m\nkind: fleet\nsource: {document: tests.kit.fleet, addressing: zero_based}\npoints:\n" + "".join(
    f"  v_{n}: {{table: holding, address: {n - 1}, type: u16}}\n" for n in range(1, WORDS + 1)
)
TOLD = (
    "profile: told\nmodel: m\nkind: fleet\nsource: {document: tests.kit.fleet}\nmqtt: {topic: 'fleet/{device}', at: ts, at_format: ms}\npoints:\n"
    + "".join(f"  v_{n}: {{path: 'v[{n - 1}]'}}\n" for n in range(1, WORDS + 1))
)
PATIENCE_NS = 3 * NS  # the longest a reply may take from the device to its stamp: time-out, retransmission, a machine that is busy
ANSWER_NS = 3 * NS // 10  # what an answer may take where its line has other units
LEDGER_NS = 12 * NS  # missed slots are declared each ten seconds: a kill may take the last with it


class Fleet:
    """The devices' process and the collector's. period_s: of every polled device."""

    def __init__(self, folder: Path, lines: int, units: int, period_s: float, broker: int = 0, publishers: int = 0) -> None:
        self.lines, self.units, self.period_s = lines, units, period_s
        self._truth, self._log = folder / "truth", (folder / "log.txt").open("w+")
        words = [sys.executable, "-m", "tests.kit.fleet", *map(str, (lines, units, broker, publishers)), str(self._truth)]
        self._devices = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=ROOT)
        assert self._devices.stdout is not None
        ports = json.loads(self._devices.stdout.readline())
        self._data = folder / "data"
        self.journal = Journal(self._data / "fleet" / "journal", SystemClock())
        self.reader, self.supervisor = self.journal.reader(), self.journal.writer("supervisor")
        self._configure(ports, broker, publishers)
        self.kills: list[tuple[int, int]] = []  # (killed, running again), epoch ns
        self.stopped_ns = 0
        self._process: subprocess.Popen[bytes] | None = None

    def _configure(self, ports: list[int], broker: int, publishers: int) -> None:
        site = ["site: {id: fleet, name: Fleet, zone: Asia/Shanghai, language: en, practice: gb}", "connections:"]
        site += [f"  - {{id: l{line}, modbus_tcp: {{host: 127.0.0.1, port: {port}}}}}" for line, port in enumerate(ports)]
        site += [f"  - {{id: broker, mqtt: {{host: 127.0.0.1, port: {broker}}}}}"] if broker else []
        site += ["equipment:"]
        site += [
            f"  - {{id: d{line}-{unit}, kind: fleet, name: d, profile: polled, connection: l{line}, unit: {unit}}}"
            for line in range(self.lines)
            for unit in range(1, self.units + 1)
        ]
        site += [f"  - {{id: p{n}, kind: fleet, name: p, profile: told, connection: broker}}" for n in range(publishers)]
        files = {"site.yaml": "\n".join(site) + "\n", "profiles/polled.yaml": POLLED, "profiles/told.yaml": TOLD}
        files |= {"kinds/fleet.yaml": KIND.format(words=WORDS, period=self.period_s), "kinds/monitor.yaml": (BUILTIN / "monitor.yaml").read_text()}
        body = {"hash": hash_of(files), "who": "test", "difference": "", "root": "site.yaml", "files": files}
        self.supervisor.append([Entry(Kind.CONFIG, orjson.dumps(body))])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        words = [sys.executable, "-m", "plantroom", "service", "collect", "--data", str(self._data), "--site", "fleet"]
        self._process = subprocess.Popen(words, stdout=self._log, stderr=self._log, cwd=ROOT)
        self.wait_for_records(self.lines * self.units)

    def publish(self) -> None:
        """Publishers begin when the broker knows that somebody listens."""
        until = time.monotonic() + 60
        while not self._broker_up():
            assert time.monotonic() < until, self._said()
            time.sleep(0.02)
        self._devices.send_signal(signal.SIGUSR1)

    def _broker_up(self) -> bool:
        records = self.reader.read_after(0, 100_000)
        events = (orjson.loads(record.body) for record in records if record.kind is Kind.EVENT)
        return any(event.get("connection") == "broker" and event.get("state") == "up" for event in events)

    def wait_for_records(self, more: int, most_s: float = 60) -> None:
        last, until = self.reader.last_seq(), time.monotonic() + most_s
        while self.reader.last_seq() < last + more:
            assert time.monotonic() < until and self._process is not None and self._process.poll() is None, self._said()
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9, and started again as the supervisor would: with an event that says so."""
        assert self._process is not None
        at = time.time_ns()
        self._process.kill()
        self._process.wait()
        event = {"event": "service_restarted", "service": "collect", "site": "fleet", "exit": -9, "restarts": len(self.kills) + 1}
        self.supervisor.append([Entry(Kind.EVENT, orjson.dumps(event))])
        self.start()
        self.kills.append((at, time.time_ns()))

    def stop(self) -> None:
        """The collector first: what the devices say is then all asked for."""
        assert self._process is not None
        self.stopped_ns = time.time_ns()
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(20) == 0, self._said()
        self._devices.terminate()
        self._devices.wait(20)

    def close(self) -> None:
        for process in (self._process, self._devices):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if self._devices.stdout is not None:
            self._devices.stdout.close()
        self.reader.close()
        self.supervisor.close()
        self._log.close()

    def _said(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text()[-4000:]

    def rss_kib(self) -> int:
        return int(next(line.split()[1] for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if line.startswith("VmRSS")))

    def truth(self) -> Truth:
        return np.fromfile(self._truth, TRUTH_ROW)

    def held_against(self, truth: Truth) -> Verdict:
        return _Judge(self, truth).verdict()


Truth = npt.NDArray[np.void]


@dataclass
class Verdict:
    """wrong: what must not be, empty where the journal is what the devices said. counts: how much was looked at."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class _Judge:
    """Every sample is one answer of its device, taken once, in its time; every answer and every slot is a sample, a bad one or declared."""

    def __init__(self, fleet: Fleet, truth: Truth) -> None:
        self._fleet, self._period_ns = fleet, round(fleet.period_s * NS)
        order = np.lexsort((truth["count"], truth["unit"], truth["line"]))
        truth = truth[order]
        edges = np.flatnonzero(np.diff(truth["line"].astype(np.int64) << 16 | truth["unit"])) + 1
        self._truth: Mapping[tuple[int, int], Truth] = {
            (int(rows["line"][0]), int(rows["unit"][0])): rows for rows in np.split(truth, edges) if len(rows)
        }
        self._missing: Counter[int] = Counter()  # slots of a line that are neither sample nor within a restart
        self._where: dict[int, str] = {}
        self._out = Verdict()

    def verdict(self) -> Verdict:
        bodies, events = self._read()
        self._out.counts["restarts declared"] = sum(event["event"] == "service_restarted" for event in events)
        for frame_id, of_device in bodies.items():
            frame = self._fleet.reader.frame(frame_id)
            columns = stack(of_device, frame)
            name = frame.points[0].split(".")[0]
            if name.startswith("p"):
                self._published(int(name[1:]), columns.at_ns, columns.values, columns.quality)
            else:
                line, unit = map(int, name[1:].split("-"))
                self._polled(line, unit, columns.at_ns, columns.values, columns.quality)
        declared: Counter[int] = Counter()
        for event in events:
            if event["event"] == "slots_missed":
                declared[int(event["connection"][1:])] += event["slots"]
        for line, slots in self._missing.items():
            if slots > declared[line]:
                self._wrong(f"line {line}: {slots} slots are missing, {declared[line]} declared; the first: {self._where[line]}")
        self._out.counts["slots missed, declared"] = declared.total()
        return self._out

    def _read(self) -> tuple[dict[bytes, list[bytes]], list[dict[str, str | int]]]:
        bodies: dict[bytes, list[bytes]] = {}
        events, seq = [], 0
        while records := self._fleet.reader.read_after(seq):
            for record in records:
                if record.seq != seq + 1:
                    self._wrong(f"records {seq + 1} to {record.seq - 1} are not there")
                seq = record.seq
                if record.kind is Kind.TELEMETRY:
                    bodies.setdefault(frame_id_of(record.body), []).append(record.body)
                elif record.kind is Kind.EVENT:
                    events.append(orjson.loads(record.body))
        return bodies, events

    def _polled(self, line: int, unit: int, at: npt.NDArray[np.int64], values: npt.NDArray[np.float64], quality: npt.NDArray[np.uint8]) -> None:
        who, truth = f"device {line}-{unit}", self._truth[line, unit]
        good, bad = (quality == 0).all(axis=1), (quality != 0).all(axis=1)
        if not (good | bad).all():
            self._wrong(f"{who}: a sample half good")
        if (np.diff(at) < 0).any():
            self._wrong(f"{who}: not in the order of time")
        counts = self._counts(who, line, unit, values[good])
        if len(np.unique(counts)) != len(counts):
            self._wrong(f"{who}: an answer taken twice")
        place = np.minimum(np.searchsorted(truth["count"], counts), len(truth) - 1)
        said = truth[place]
        if (said["count"] != counts).any() or (said["kind"] != SOUND).any():
            self._wrong(f"{who}: a value that it never gave as an answer")
        took = at[good] - said["at_ns"]
        if len(took) and (took.min() < -2_000_000 or took.max() > PATIENCE_NS):
            self._wrong(f"{who}: an answer {took.min() / 1e9:.3f} to {took.max() / 1e9:.3f} s old when it was stamped")
        self._out.counts["good"] += int(good.sum())
        self._out.counts["bad"] += int(bad.sum())
        self._every_answer(who, truth[(truth["kind"] == SOUND) & ~np.isin(truth["count"], counts)], at[bad])
        self._every_slot(line, unit, at, good)

    def _counts(self, who: str, line: int, unit: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        whole = values.astype(np.int64)
        if not (check(values) & (whole[:, 0] == line) & (whole[:, 1] == unit)).all():
            self._wrong(f"{who}: values of another device, or torn")
        return whole[:, 2] << 16 | whole[:, 3]

    def _every_answer(self, who: str, not_taken: Truth, bad_at: npt.NDArray[np.int64]) -> None:
        """An answer that is no sample came too late, which is a bad sample; or was killed before its commit, which is declared."""
        for row in not_taken:
            at = int(row["at_ns"])
            killed = any(began - NS <= at <= ended for began, ended in self._fleet.kills)
            n = int(np.searchsorted(bad_at, at - 2 * PATIENCE_NS))
            late = n < len(bad_at) and bad_at[n] <= at + PATIENCE_NS
            if killed:
                self._out.counts["killed before commit"] += 1
            elif late:
                self._out.counts["late answers"] += 1
            elif at < self._last_ns:
                self._wrong(f"{who}: its answer {row['count']} of {at / 1e9:.3f} is in no record")

    @property
    def _last_ns(self) -> int:
        """From here on the collector was being stopped."""
        return self._fleet.stopped_ns - NS

    def _every_slot(self, line: int, unit: int, at: npt.NDArray[np.int64], good: npt.NDArray[np.bool_]) -> None:
        """After a bad sample the device counts as bad until the next. After a good one the next slot follows, or it is declared.

        A slot lasts until the next begins: one read at its beginning and the next at its end lie two periods and an answer apart.
        """
        for n in np.flatnonzero((np.diff(at) > 2 * self._period_ns + ANSWER_NS) & good[:-1]).tolist():
            if not any(began - LEDGER_NS <= at[n + 1] and at[n] <= ended for began, ended in self._fleet.kills):
                self._missing[line] += int((at[n + 1] - at[n] - ANSWER_NS) // self._period_ns) - 1
                self._where.setdefault(line, f"unit {unit} at {at[n] / 1e9:.3f}, then at {at[n + 1] / 1e9:.3f}")
        if good[-1] and self._last_ns - at[-1] > 2 * self._period_ns + ANSWER_NS:
            self._missing[line] += 1
            self._where.setdefault(line, f"unit {unit} at {at[-1] / 1e9:.3f} and never again")
        self._out.counts["devices"] += 1

    def _published(self, n: int, at: npt.NDArray[np.int64], values: npt.NDArray[np.float64], quality: npt.NDArray[np.uint8]) -> None:
        """Every message that the broker acknowledged stands in the journal at its own stamp; one may stand twice after a kill."""
        who, good = f"publisher {n}", (quality == 0).all(axis=1)
        counts = self._counts(who, PUBLISHED, n, values[good])
        truth = self._truth.get((PUBLISHED, n), np.empty(0, TRUTH_ROW))
        lacking = truth[~np.isin(truth["count"], counts) & (truth["at_ns"] < self._last_ns - 3 * NS)]
        if len(lacking):
            self._wrong(f"{who}: {len(lacking)} acknowledged messages are in no record, the first is {lacking['count'][0]}")
        stamps = dict(zip(truth["count"].tolist(), truth["at_ns"].tolist(), strict=True))
        if any(stamps.get(count, at_ns) != at_ns for count, at_ns in zip(counts.tolist(), at[good].tolist(), strict=True)):
            self._wrong(f"{who}: a message at another time than its own")
        self._out.counts["published"] += len(np.unique(counts))
        self._out.counts["published twice"] += len(counts) - len(np.unique(counts))

    def _wrong(self, text: str) -> None:
        if len(self._out.wrong) < 50:
            self._out.wrong.append(text)


def lies(truth: Truth) -> dict[str, Truth]:
    """Truths that no journal of these devices agrees with, by what has to be found: the judge's own test."""
    polled = np.flatnonzero((truth["kind"] == SOUND) & (truth["line"] == 0))
    told = np.flatnonzero(truth["line"] == PUBLISHED)
    last_s = truth["at_ns"][polled].max() - 2 * NS  # kills are over, the end has not begun
    middle, first = polled[np.abs(truth["at_ns"][polled] - last_s).argmin()], told[0]
    false, later, more, unheard, earlier = truth.copy(), truth.copy(), truth[middle : middle + 1].copy(), truth[first : first + 1].copy(), truth.copy()
    false["kind"][middle] = 0
    later["at_ns"][middle] -= 2 * PATIENCE_NS
    more["count"] += 1_000_000
    unheard["count"] += 1_000_000
    earlier["at_ns"][first] -= 1_000_000
    return {
        "a value that it never gave as an answer": false,
        "s old when it was stamped": later,
        "is in no record": np.concatenate([truth, more]),
        "acknowledged messages are in no record": np.concatenate([truth, unheard]),
        "a message at another time than its own": earlier,
    }


def faulty_share(lines: int, units: int) -> float:
    return sum(faulty(line, unit) for line in range(lines) for unit in range(1, units + 1)) / (lines * units)
