"""InfluxDB as history: what our own writer stored there (measurement = kind, tags site and equipment, fields = points), asked in InfluxQL,
which 1.x, 2.x and 3.x answer at /query. Only good values are there: what was bad shows as a hole.

    influx:http://host:8086/database                        user and password as http://USER:${PASSWORD}@host:8086/database
    influx:http://host:8086/bucket?token=${INFLUX_TOKEN}    2.x and 3.x
    influx:                                                 the `influxdb` of the site file
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import numpy as np
import orjson

from plantroom.clock import NS, SystemClock
from plantroom.errors import BadInput, Problem
from plantroom.history.parts import DAY_NS
from plantroom.site import Equipment, Site, StoreTarget
from rules.history import SPAN_CELLS, Samples, Span

ANSWER_S = 120.0
WARM_DAYS = 40
HOLD_NS = 60 * NS
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def target_of(address: str, site: Site, env: Mapping[str, str]) -> StoreTarget:
    """Raises BadInput for an address that names no database, or a secret that is not set."""
    if not address:
        if site.influxdb is None:
            raise _bad("influx:", "the site file names no `influxdb`; write influx:http://host:8086/database")
        return site.influxdb

    def secret(match: re.Match[str]) -> str:
        if not env.get(match[1]):
            raise _bad("influx:", f"the environment variable {match[1]} is not set (or empty)")
        return env[match[1]]

    url = urlsplit(address)
    asked = {name: _ENV.sub(secret, values[-1]) for name, values in parse_qs(url.query).items()}
    database, wrong = url.path.strip("/"), asked.keys() - {"token", "org"}
    if url.scheme not in ("http", "https") or not url.hostname or not database or wrong:
        raise _bad("influx:", "write influx:http://host:8086/database, with ?token=${NAME} for a token")
    place = f"{url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}"
    user = _ENV.sub(secret, unquote(url.username)) if url.username else None
    password = _ENV.sub(secret, unquote(url.password)) if url.password else None
    token = asked.get("token")
    return StoreTarget(place, 2 if token else 1, database, asked.get("org", ""), token, user, password)


class InfluxHistory:
    """A History over one database. Follows no redirect and no proxy setting."""

    devices = True

    def __init__(self, target: StoreTarget, site: Site) -> None:
        self._target, self._site = target, site
        headers = {"Authorization": f"Token {target.token}"} if target.token else {}
        auth = httpx.BasicAuth(target.user, target.password or "") if target.user and not target.token else None
        self._client = httpx.Client(headers=headers, auth=auth, timeout=ANSWER_S, trust_env=False, follow_redirects=False)
        bound = {name: tuple(b.kind_point.name for b in machine.bindings) for name, machine in site.equipment.items()}
        self.points = {name: points or tuple(site.equipment[name].kind.points) for name, points in bound.items() if name != "monitor"}

    def close(self) -> None:
        self._client.close()

    def spans(self, start_ns: int | None, end_ns: int | None) -> Iterator[Span]:
        """Days; each span ends with a sample, whose own rows belong to the next one."""
        last = SystemClock().read().wall_ns if end_ns is None else end_ns
        first = self._begins() if start_ns is None else max(self._begins(), start_ns - WARM_DAYS * DAY_NS)
        held: dict[str, Samples] = {}
        begin: int | None = None
        for day in range(first // DAY_NS * DAY_NS, last, DAY_NS):
            for machine in self._machines():
                samples = self._samples(machine, day, min(day + DAY_NS, last))
                if samples.at_ns.size:
                    held[machine.id] = _joined(held.get(machine.id), samples)
            if not held:
                continue
            begin = min(int(samples.at_ns[0]) for samples in held.values()) if begin is None else begin
            if sum(samples.values.size for samples in held.values()) < SPAN_CELLS:
                continue
            end = max(int(samples.at_ns[-1]) for samples in held.values())
            yield Span(begin, end, {name: _part(samples, slice(0, np.searchsorted(samples.at_ns, end))) for name, samples in held.items()})
            held = {name: _part(samples, slice(np.searchsorted(samples.at_ns, end), None)) for name, samples in held.items()}
            begin = end
        if begin is not None:
            end = max((int(samples.at_ns[-1]) for samples in held.values() if samples.at_ns.size), default=begin) + HOLD_NS
            yield Span(begin, max(begin, min(end, last)), held)

    def _machines(self) -> Iterator[Equipment]:
        yield from (self._site.equipment[name] for name in self.points)

    def _begins(self) -> int:
        """The oldest sample of the site; now where there is none."""
        kinds = sorted({self._site.equipment[name].kind.name for name in self.points})
        found = [self._ask(f"SELECT * FROM {_name(kind)} WHERE {self._of()} ORDER BY time LIMIT 1") for kind in kinds]
        oldest = [int(series["values"][0][0]) for answer in found for series in answer if series.get("values")]
        return min(oldest, default=SystemClock().read().wall_ns)

    def _of(self) -> str:
        return f"\"site\" = '{_text(self._site.id)}'"

    def _samples(self, machine: Equipment, begin_ns: int, end_ns: int) -> Samples:
        points = self.points[machine.id]
        fields = ", ".join(_name(point) for point in points)
        where = f"{self._of()} AND \"equipment\" = '{_text(machine.id)}' AND time >= {begin_ns} AND time < {end_ns}"
        rows = [row for one in self._ask(f"SELECT {fields} FROM {_name(machine.kind.name)} WHERE {where}") for row in one["values"]]
        if not rows:
            return Samples(points, np.zeros(0, np.int64), np.zeros((0, len(points))))
        at = np.array([row[0] for row in rows], np.int64)
        values = np.array([[np.nan if cell is None else cell for cell in row[1:]] for row in rows], np.float64)
        order = np.argsort(at, kind="stable")
        return Samples(points, at[order], values[order])

    def _ask(self, query: str) -> list[dict[str, Any]]:
        """The series of one statement, chunk by chunk."""
        database, _, policy = self._target.database.partition("/")
        asked = {"db": database, "q": query, "epoch": "ns", "chunked": "true", "chunk_size": "20000"} | ({"rp": policy} if policy else {})
        place = f"{self._target.url.rstrip('/')} {self._target.database}"
        try:
            answer = self._client.get(f"{self._target.url.rstrip('/')}/query", params=asked)
        except (httpx.TransportError, httpx.InvalidURL) as why:
            raise _bad(place, f"does not answer: {type(why).__name__}: {why}") from why
        if answer.status_code != 200:
            raise _bad(place, f"answers {answer.status_code}: {answer.text[:200]}")
        found: list[dict[str, Any]] = []
        for line in answer.content.splitlines():
            for result in orjson.loads(line).get("results", ()) if line.strip() else ():
                if "error" in result:
                    raise _bad(place, f"refuses the question: {result['error'][:200]}")
                found += result.get("series", ())
        return found


def _joined(first: Samples | None, second: Samples) -> Samples:
    if first is None:
        return second
    return Samples(first.points, np.concatenate([first.at_ns, second.at_ns]), np.concatenate([first.values, second.values]))


def _part(samples: Samples, rows: slice) -> Samples:
    return Samples(samples.points, samples.at_ns[rows], samples.values[rows])


def _name(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _bad(where: str, text: str) -> BadInput:
    return BadInput([Problem(where, 0, "--history", text)])
