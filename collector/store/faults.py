"""Faults as InfluxDB shows them: `fault`, tags site, equipment, kind, rule, severity; open = 1 from its raising on, 0 at its end.
`event` says which line it is: raised, open (said again), ended.

A projection of records.db, read-only and never a source: engineers annotate their trends with it. An open fault is said again once a
minute, so that any window of a dashboard sees it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from collector.store.deliver import Delivery
from collector.store.ledger import Ledger
from collector.store.lines import field_key
from plantroom.clock import NS, Clock
from plantroom.records import Records

LOOK_S = 2.0
AGAIN_NS = 60 * NS

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class FaultProjection:
    """One site's faults into one database."""

    def __init__(self, name: str, records: Path, ledger: Ledger, delivery: Delivery, clock: Clock, site: str) -> None:
        """name: of the follower. records: records.db, which may not exist yet. ledger: a connection of its own."""
        self._name, self._path, self._ledger, self._delivery, self._clock, self._site = name, records, ledger, delivery, clock, site
        self._said = 0

    async def run(self) -> None:
        """Looks every two seconds; nobody waits for it."""
        while not self._path.exists():  # noqa: ASYNC110 - the engine makes it, in another process
            await asyncio.sleep(LOOK_S)
        records = Records.open(self._path, readonly=True)
        try:
            while True:
                await self.project(records)
                await asyncio.sleep(LOOK_S)
        finally:
            records.close()

    async def project(self, records: Records) -> None:
        """Sends what is new, what has ended and, once a minute, what is open."""
        known, seen = self._ledger.open_faults(self._name), self._ledger.position(self._name)
        if seen > _newest(records):  # records were rebuilt: tell everything again, a line told twice is one point
            seen = 0
        new = _rows(records, "rowid > ?", (seen,))
        ended = [row for row in _named(records, known) if row["ended_ns"] is not None]
        lines = [line for row in new for line in self._lines(row)] + [self._line(row, row["ended_ns"], "ended") for row in ended]
        opened = [row["id"] for row in new if row["ended_ns"] is None]
        minute = self._clock.read().wall_ns // AGAIN_NS * AGAIN_NS
        if minute != self._said:
            still = (known | set(opened)) - {row["id"] for row in ended}
            lines += [self._line(row, minute, "open") for row in _named(records, still) if row["raised_ns"] < minute]
        await self._delivery.deliver(lines)
        self._said = minute
        if new or ended:
            self._ledger.projected(self._name, max([seen, *(row["rowid"] for row in new)]), opened, [row["id"] for row in ended])

    def _lines(self, row: Mapping[str, Any]) -> Iterable[bytes]:
        yield self._line(row, row["raised_ns"], "raised")
        if row["ended_ns"] is not None:
            yield self._line(row, row["ended_ns"], "ended")

    def _line(self, row: Mapping[str, Any], at_ns: int, event: str) -> bytes:
        tags = {"site": self._site} | {name: row[name] for name in ("equipment", "kind", "rule", "severity")}
        words = orjson.loads(row["text_json"])
        texts = {"event": event, "id": row["id"], "zh": words.get("zh", ""), "en": words.get("en", "")}
        head = b",".join([b"fault", *(name.encode() + b"=" + field_key(str(value)) for name, value in sorted(tags.items()))])
        fields = [b"open=%d.0" % (event != "ended"), *(name.encode() + b"=" + text(str(value)) for name, value in texts.items())]
        return b"%b %b %d" % (head, b",".join(fields), at_ns)


def text(value: str) -> bytes:
    """A string field. Control characters become spaces."""
    return b'"' + _CONTROL.sub(" ", value).replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def _newest(records: Records) -> int:
    return int(records.db.execute("SELECT coalesce(max(rowid), 0) FROM fault").get)


def _named(records: Records, faults: Iterable[str]) -> list[dict[str, Any]]:
    return _rows(records, "id IN (SELECT value FROM json_each(?))", (orjson.dumps(sorted(faults)).decode(),))


def _rows(records: Records, where: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
    names = ("rowid", "id", "equipment", "kind", "rule", "severity", "text_json", "raised_ns", "ended_ns")
    found = records.db.execute(f"SELECT {', '.join(names)} FROM fault WHERE {where} ORDER BY rowid", values)
    return [dict(zip(names, row, strict=True)) for row in found]
