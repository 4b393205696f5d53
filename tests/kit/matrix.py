"""Every route of the console x every role x what is theirs, another firm's, another site's, in both, nowhere: cases made from the routes,
answers expected from what the routes declare and who the persons are, not from the code that answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute

from dashboards.console.guard import demands
from plantroom import link_counts
from plantroom.clock import NS, Clock
from plantroom.link_counts import LinkCounts
from plantroom.roles import MAY, Permission, Role
from tests.kit.asgi import Answer, ask
from tests.kit.console_site import PEOPLE, Installation

SITES = ("east", "west")
OWN_FIRM = "通力电梯"
OWN, ALIEN = "zqOWNqz", "zqALIENqz"  # in every text about the firm's machine of the site east, and about all else there
WEST = "zqWESTqz"  # in every text of the other site

FILE_OF = """
site: {{id: {id}, name: "{gen}", zone: Asia/Shanghai, language: zh, practice: gb}}
connections:
  - {{id: bus-{mark}, modbus_tcp: {{host: 127.0.0.1, port: {port}}}}}
devices:
  - {{id: io-1, profile: generic-32di, connection: bus-{mark}, unit: 1}}
equipment:
  - id: pump-1
    kind: fire_pump
    name: "{gen}"
    location: "{gen}"
    ledger: {{supplier: "{firm}"}}
    points:
      - {{device: io-1, start: di_1, take: [pump_running, phase_loss, {{as: control_mode, values: {{0: manual, 1: auto}}}}]}}
  - id: pump-{id}
    kind: fire_pump
    name: "{gen}"
    location: "{gen}"
    ledger: {{supplier: "{firm}"}}
    points:
      - {{device: io-1, start: di_5, take: [pump_running, phase_loss, {{as: control_mode, values: {{0: manual, 1: auto}}}}]}}
  - id: other
    kind: fire_pump
    name: "{mark}"
    location: "{mark}"
    ledger: {{supplier: "另一家{mark}"}}
    points:
      - {{device: io-1, start: di_9, take: [pump_running, phase_loss, {{as: control_mode, values: {{0: manual, 1: auto}}}}]}}
  - id: lent
    kind: fire_pump
    name: "{gen}"
    location: "{gen}"
    ledger: {{supplier: "另一家{mark}"}}
    points:
      - {{device: io-1, start: di_13, take: [pump_running, phase_loss, {{as: control_mode, values: {{0: manual, 1: auto}}}}]}}
  - {{id: as-{id}, kind: asset, name: "{mark}", location: "{mark}"}}
"""
VENDORS = '  - {{id: {name}, name: "{mark}", roles: [vendor], firm: "{firm}"}}\n'


@dataclass(frozen=True, slots=True)
class Who:
    """role: None = nobody logged in. sites: as `access.add` takes them."""

    name: str
    role: Role | None
    sites: tuple[str, ...] | None
    headers: Mapping[str, str]

    def role_at(self, site: str) -> Role | None:
        if self.role is None:
            return None
        for said in self.sites if self.sites is not None else SITES:
            name, _, role = said.partition(":")
            if name == site:
                return Role(role) if role else self.role
        return None

    def allowed(self, permission: Permission, site: str) -> bool:
        role = self.role_at(site)
        return role is not None and permission in MAY[role]


PERSONS: Sequence[tuple[str, Role, tuple[str, ...] | None]] = [
    *((f"{role.value}.e", role, ("east",)) for role in Role),
    ("boss", Role.ADMIN, None), ("looker", Role.VIEWER, None),
    ("mixed", Role.VIEWER, ("east:engineer", "west")), ("guest", Role.VENDOR, ("east", "west:viewer")),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with an id. where: (site, machine) of each that there is."""

    id: str
    where: tuple[tuple[str, str], ...]


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


THEIRS = ("pump-1", "pump-east", "lent")  # what the firm looks after at the site east, and the machine of the order handed to it
THINGS: Mapping[str, Sequence[Thing]] = {
    "equipment": [
        Thing("pump-east", (("east", "pump-east"),)), Thing("as-east", (("east", "as-east"),)), Thing("pump-west", (("west", "pump-west"),)),
        Thing("pump-1", (("east", "pump-1"), ("west", "pump-1"))), Thing("nothing", ()),
        Thing("lent", (("east", "lent"), ("west", "lent"))),
    ],
    "point": [
        Thing("pump-east.phase_loss", (("east", "pump-east"),)), Thing("pump-west.phase_loss", (("west", "pump-west"),)),
        Thing("other.phase_loss", (("east", "other"), ("west", "other"))), Thing("pump-1.nothing", ()),
    ],
    "fault": [
        Thing("F10-1", (("east", "pump-east"),)), Thing("F11-1", (("east", "other"),)), Thing("F20-1", (("west", "pump-west"),)),
        Thing("F1-1", (("east", "pump-1"), ("west", "pump-1"))), Thing("F0-0", ()),
        Thing("F14-1", (("east", "lent"),)), Thing("F15-1", (("east", "another fault of lent"),)),
    ],
    "order": [
        Thing("O10-1", (("east", "pump-east"),)), Thing("O11-1", (("east", "other"),)), Thing("O20-1", (("west", "pump-west"),)),
        Thing("O1-1", (("east", "pump-1"), ("west", "pump-1"))), Thing("O0-0", ()),
        Thing("O14-1", (("east", "lent"),)), Thing("O15-1", (("east", "another order of lent"),)),
    ],
    "change": [Thing("R10-1", (("east", ""),)), Thing("R20-1", (("west", ""),)), Thing("R1-1", (("east", ""), ("west", ""))), Thing("R0-0", ())],
    "handover": [Thing("H10-1", (("east", ""),)), Thing("H20-1", (("west", ""),)), Thing("H1-1", (("east", ""), ("west", ""))), Thing("H0-0", ())],
    "task": [
        Thing("M10-1", (("east", "pump-east"),)), Thing("M11-1", (("east", "other"),)), Thing("M20-1", (("west", "pump-west"),)),
        Thing("M1-1", (("east", "pump-1"), ("west", "pump-1"))), Thing("M0-0", ()),
    ],
    "command": [Thing("command-east", (("east", ""),)), Thing("command-west", (("west", ""),)), Thing("no-such-command", ())],
    "evidence": [
        Thing(hash_of("O10-1 zqOWNqz"), (("east", "pump-east"),)), Thing(hash_of("O11-1 zqALIENqz"), (("east", "other"),)),
        Thing(hash_of("O20-1 zqWESTqz"), (("west", "pump-west"),)), Thing(hash_of("O14-1 zqOWNqz"), (("east", "lent"),)),
        Thing(hash_of("O15-1 zqALIENqz"), (("east", "another order of lent"),)), Thing("nothing", ()), Thing("0" * 64, ()),
    ],
    "team": [Thing("engineering", (("east", ""), ("west", ""))), Thing("nobody", ())],
}  # fmt: skip
ONLY_READ = ("F15-1", "O15-1", "lent")  # a deed finds its thing as a page does
NAMES = {
    "equipment_id": "equipment", "point_id": "point", "fault_id": "fault", "order_id": "order", "task_id": "task", "command_id": "command",
    "hash": "evidence",
}  # fmt: skip
UNKNOWN = Thing("nothing", ())


def furnish(data: Path, clock: Clock, folder: Path) -> list[Installation]:
    """Both sites, a canary in every text there is."""
    made = []
    for n, id_ in enumerate(SITES):
        mark, gen, firm = (ALIEN, OWN, OWN_FIRM) if id_ == "east" else (WEST, WEST, f"{OWN_FIRM}{WEST}")
        people = PEOPLE.replace("李伟", gen).replace("王芳", mark).replace("赵敏", mark).replace("陈总", mark)
        people = people.replace("工程部", mark).replace("值班经理", mark)
        vendors = "".join(VENDORS.format(name=name, mark=mark, firm=firm) for name in ("vendor.e", "guest"))
        text = FILE_OF.format(id=id_, mark=mark, gen=gen, firm=firm, port=1502 + n) + people.replace("roster:", f"{vendors}roster:", 1)
        path = folder / f"{id_}.yaml"
        path.write_text(text, "utf-8")
        house = Installation(data, path, clock)
        for machine in house.site.equipment:
            if machine.startswith(("pump", "other")):
                house.samples(machine, 3)
        _rows(house, id_, mark, gen)
        made.append(house)
    return made


def _rows(house: Installation, site: str, mark: str, gen: str) -> None:
    base = 10 * (1 + SITES.index(site))
    lent, other_firm = (OWN_FIRM, f"别家{ALIEN}") if site == "east" else (f"{OWN_FIRM}{WEST}",) * 2
    firms = {f"O{base + 4}-1": lent, f"O{base + 5}-1": other_firm}
    for fault, order, machine, word in (
        (f"F{base + 4}-1", f"O{base + 4}-1", "lent", gen), (f"F{base + 5}-1", f"O{base + 5}-1", "lent", mark),
        (f"F{base}-1", f"O{base}-1", f"pump-{site}", gen), (f"F{base + 1}-1", f"O{base + 1}-1", "other", mark), ("F1-1", "O1-1", "pump-1", gen),
    ):  # fmt: skip
        house.fault(fault, machine, "readiness", (word, word), order=order, do=(word, word), rule=f"rule_{order}")
        house.order(order, machine, "readiness", (word, word), fault=fault, state="restored", by="li.wei")
        house.page(f"P{fault}", fault, order, f"channel-{word}", word, person=None)
        house.call(order, [(f"channel-{word}", None)])
        for column in ("cause", "remedy"):
            house.records.db.execute(f"UPDATE work_order SET {column} = ? WHERE id = ?", (word, order))
        held = orjson.dumps({"reason": word, "told": word, "by": "x", "since_ns": 1}).decode()
        house.records.db.execute("UPDATE work_order SET hold_json = ? WHERE id = ?", (held, order))
        house.note(order, word)
        house.evidence(order, machine, f"{order} {word}".encode(), word)
        house.severity_change(fault, "normal", "readiness", word, reason=word)
        house.handing(order, f"别家{ALIEN if site == 'east' else WEST}", mark, seq=1, reason=mark)  # once with another firm
        house.handing(order, firms.get(order, lent), word, seq=2, reason=word)
        house.records.db.execute("UPDATE work_order SET firm = ? WHERE id = ?", (firms.get(order), order))
    house.fault(f"F{base + 2}-1", "monitor", "normal", (mark, mark), kind="monitor")
    house.fault(f"F{base + 3}-1", "as-" + site, "normal", (mark, mark), condition="cleared")
    opened = {"orders": [{"id": f"O{base + 1}-1", "equipment": "other", "severity": "normal", "state": "open", "by": mark}]}
    for task, machine, word in ((f"M{base}-1", f"pump-{site}", gen), (f"M{base + 1}-1", "other", mark), ("M1-1", "pump-1", gen)):
        house.task(task, f"{machine}/month", "vendor", "due", house.now, note=word)
    for id_ in (f"H{base}-1", "H1-1"):
        house.handover(id_, "engineering", "li.wei", opened, note=mark)
    for id_ in (f"R{base}-1", "R1-1"):
        house.roster_change(id_, "engineering", house.now, house.now + 3600 * NS, come="wang.fang", out="li.wei", reason=mark)
    house.outcome(f"command-{site}", "comment", f"O{base + 1}-1", "li.wei", False, (mark, mark), state={"word": mark})
    house.person("li.wei", gen)
    link: LinkCounts = {"id": f"bus-{mark}", "state": "down", "reason": mark, "counts": {}, "units": [], "p50_ms": None, "p99_ms": None}
    link_counts.write(house.folder, house.now, [link])
    house.engine_at(1)


@dataclass(frozen=True, slots=True)
class Case:
    who: Who
    method: str
    path: str
    query: str
    body: bytes
    needed: Permission | None
    thing: Thing | None  # None: the route is about no one thing
    site: str  # asked for, "" = none

    def __str__(self) -> str:
        return f"{self.who.name} {self.method} {self.path}?{self.query} {self.body.decode()}"


def cases(app: FastAPI, persons: Sequence[Who]) -> Iterator[Case]:
    """Who may not use a route at all asks for a few things without a site; who may, for each thing at each."""
    for route in app.routes:
        assert isinstance(route, APIRoute), route
        needed = demands(route)[0]
        for method in sorted(route.methods):
            for who in persons:
                full = needed is not None and any(who.allowed(needed, site) for site in SITES)
                for thing in things(route.path, method) if full else things(route.path, method)[:3]:
                    for site in _asked(who) if full else ("",):
                        path, body = filled(route.path, method, thing)
                        asked = [f"order={thing.id}"] if route.path.endswith("/evidence") and thing is not None else []
                        yield Case(who, method, path, "&".join([*asked, *([f"site={site}"] if site else [])]), body, needed, thing, site)


def _asked(who: Who) -> Sequence[str]:
    """Each site and none for those who differ from site to site, and one of each sort."""
    return ("", *SITES, "nowhere") if who.name in ("viewer.e", "vendor.e", "mixed", "guest") else ("", "west")


def things(path: str, method: str) -> Sequence[Thing | None]:
    names = re.findall(r"{(\w+)(?::path)?}", path)
    if not names:
        if method == "POST" and path.endswith("/orders"):
            return THINGS["equipment"]
        if path.endswith("/evidence"):
            return THINGS["order"] if method == "GET" else [thing for thing in THINGS["order"] if thing.id not in ONLY_READ]
        if method == "POST" and "/oncall/" in path:
            return THINGS["team"]
        return [None]
    first = path.partition(f"/{{{names[0]}")[0].rpartition("/")[2]  # /api/v1/orders/{target}/accept -> orders
    found = THINGS.get(NAMES.get(names[0], first.removesuffix("s")), [UNKNOWN])
    return found if method == "GET" else [thing for thing in found if thing.id not in ONLY_READ]


def filled(path: str, method: str, thing: Thing | None) -> tuple[str, bytes]:
    fields: dict[str, str] = {}
    if path.endswith("/evidence"):
        return path, b"{}" if method == "POST" else b""  # as good a text as any
    if method == "POST" and thing is not None and "{" not in path:
        fields = {"equipment" if path.endswith("/orders") else "team": thing.id}
    elif thing is not None:
        path = re.sub(r"{\w+(?::path)?}", thing.id, path)
    return path, orjson.dumps(fields) if method == "POST" else b""


DONE = frozenset((200, 202, 303, 400))  # 400: it came as far as the fields of the body, which say no more than which thing


def expected(case: Case) -> frozenset[int]:
    """The statuses that are right. By what the route declares, who asks, and where the thing is."""
    if case.needed is None:
        return frozenset((200, 303, 400, 401, 404, 429))
    if case.who.role is None:
        return frozenset((401,)) if case.path.startswith("/api/") else frozenset((303,))
    visible = [site for site in SITES if case.who.allowed(case.needed, site)]
    if not visible:
        return frozenset((303,)) if (case.method, case.path) == ("GET", "/") else frozenset((403,))
    if case.needed is Permission.OWN or case.path == "/api/openapi.json":
        return DONE
    if case.site:
        visible = [site for site in visible if site == case.site]
        if not visible:
            return frozenset((404,))
    if case.thing is None:
        return DONE
    found = [(site, machine) for site, machine in case.thing.where if site in visible and theirs(case.who, site, machine)]
    return DONE if len(found) == 1 else frozenset((409,)) if found else frozenset((404,))


def theirs(who: Who, site: str, machine: str) -> bool:
    """A firm's people see its machines; nothing of the house has to do with one (`machine` is ""). A third party of no firm sees nothing."""
    if who.role_at(site) is Role.THIRD_PARTY:
        return False
    return who.role_at(site) is not Role.VENDOR or (site == "east" and machine in THEIRS)


def forbidden(who: Who) -> list[str]:
    """The canaries this person must never meet."""
    found = []
    if who.role_at("east") in (None, Role.THIRD_PARTY):
        found += [OWN, ALIEN]
    elif who.role_at("east") is Role.VENDOR:
        found += [ALIEN]
    if who.role_at("west") in (None, Role.THIRD_PARTY, Role.VENDOR):
        found += [WEST]
    return found


def wrong(case: Case, answer: Answer) -> str | None:
    """What is wrong with an answer, None where nothing is."""
    if answer.status >= 500:
        return f"{case}: {answer.status} {answer.body[:300]!r}"
    if case.path.startswith("/a/"):
        return None  # a link shows what its page said, to whoever has it
    leaked = [mark for mark in forbidden(case.who) if mark.encode() in answer.whole]
    if leaked:
        return f"{case}: {answer.status} shows {leaked}"
    if answer.status not in expected(case):
        return f"{case}: {answer.status}, expected {sorted(expected(case))}: {answer.body[:200]!r}"
    return None


async def run(app: FastAPI, asked: Iterator[Case]) -> tuple[int, list[str], set[str]]:
    """(how many, what is wrong, which canaries were met at all)."""
    n, found, met = 0, [], set()
    for case in asked:
        headers = dict(case.who.headers)
        if case.body:
            headers |= {"content-type": "application/json", "content-length": str(len(case.body))}
        answer = await ask(app, case.method, case.path, case.query, headers, case.body)
        n += 1
        met |= {mark for mark in (OWN, ALIEN, WEST) if mark.encode() in answer.body}
        if (said := wrong(case, answer)) is not None:
            found.append(said)
    return n, found, met
