"""A site in which every text that somebody else writes is hostile, or plain: names, places, documents, people, words of rules and faults,
comments, reasons, providers' answers, screens, browsers. One word each, with a mark by which it is found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import orjson
from fastapi import FastAPI

from dashboards.console.oidc.entrants import Entrant
from dashboards.console.roles import Role
from plantroom import link_counts
from plantroom.clock import NS, Clock
from plantroom.link_counts import LinkCounts
from tests.kit.console_client import PASSWORD
from tests.kit.console_site import Installation

Word = Callable[[int], str]
OUT_OF_TEXT = "\"'><script>a()</script><img src=x onerror=a()></title></textarea></style>--><svg onload=a()>"
OUT_OF_ATTRIBUTE = "' onclick='a()' \" onfocus=\"a()\" style=\"x:url(//evil)\\"
ELSE = "javascript:a()//&lt;b&gt;{{7*7}}]]>\u202e%0d%0a"  # all three: 200 characters are what a site file may have
SHORT = "\"'><script>a()</script><i onclick=a()>"
STEPS = (32, 33)  # at most 40 Chinese characters
PARTS = (OUT_OF_TEXT, OUT_OF_ATTRIBUTE, ELSE)
MARK = re.compile(r"zq\d{3}z")


def plain(n: int) -> str:
    return f"plain zq{n:03}z"


def hostile(n: int) -> str:
    """Begins with each of the parts in turn: some places cut."""
    if n in STEPS:
        return f"{SHORT} zq{n:03}z"
    return "".join((*PARTS[n % 3 :], *PARTS[: n % 3], f" zq{n:03}z"))


SITE = """
site: {{id: hq, name: {w[0]}, zone: Asia/Shanghai, language: zh, practice: gb}}
web: {{public_url: "http://127.0.0.1:8600"}}
connections: [{{id: bus-1, modbus_tcp: {{host: 127.0.0.1, port: 1502}}}}]
channels:
  - {{id: app, type: webhook, url: 'http://127.0.0.1:9/a'}}
  - {{id: room, type: duty_room}}
  - {{id: push, type: webpush, subject: 'mailto:ops@example.com'}}
equipment:
  - id: gen-1
    kind: generator
    name: {w[1]}
    location: {w[2]}
    way: {w[3]}
    key: {w[4]}
    ledger: {{supplier: {w[5]}, model: {w[6]}}}
    documents: [{{name: {w[7]}, of: drawing, at: {at}, version: {w[9]}}}, {{name: {w[10]}, of: manual, at: "https://docs.example.com/a?b=c&d"}}]
    profile: smartgen-hgm4000n
    connection: bus-1
    unit: 3
  - {{id: lift-1, kind: elevator, name: {w[11]}, location: {w[12]}, rescue: {{phone: "801", code: {w[13]}, registration: {w[14]}, hotline: "400-600-0000", key: {w[15]}, way: {w[16]}}}}}
people:
  - {{id: li.wei, name: {w[17]}, roles: [technician], contacts: {{app: {w[18]}, push: boss}}}}
  - {{id: wang.fang, name: {w[19]}, roles: [technician], certificates: [{{name: {w[20]}, kinds: [generator], until: 2020-01-01}}]}}
roster:
  needs: {{generator: {w[20]}}}
  teams: {{engineering: {{name: {w[21]}, shifts: [{{people: [li.wei, wang.fang], hours: "00:00-24:00"}}]}}}}
rules: {{files: [own.yaml]}}
"""
OWN = """
id: fail_to_start
applies_to: generator
replaces: true
needs: [engine_speed]
when: engine_speed > 300
on_missing: hold
severity: danger
major: true
says: {{zh: {w[0]}, en: {w[0]}}}
do: {{zh: {w[1]}, en: {w[1]}}}
steps: {{zh: [{w[2]}, {w[3]}], en: [{w[2]}, {w[3]}]}}
tests:
  - {{name: raised, every: 1s, engine_speed: "1 x5, 400 x9", expect: {{3s: cleared, 6s: active}}}}
"""


def quoted(word: Word, first: int, count: int) -> list[str]:
    return [orjson.dumps(word(n)).decode() for n in range(first, first + count)]


def furnish(folder: Path, clock: Clock, word: Word) -> Installation:
    """Of the words of rules and of the site file nothing is a value's place or a reference: braces and what follows stand out."""
    folder.mkdir()
    (folder / "own.yaml").write_text(OWN.format(w=quoted(lambda n: word(n).replace("{", "(").replace("}", ")"), 30, 4)), "utf-8")
    (folder / "hq.yaml").write_text(SITE.format(w=quoted(word, 0, 22), at=orjson.dumps(f"4 {word(8)}").decode()), "utf-8")
    house = Installation(folder / "data", folder / "hq.yaml", clock)
    house.samples("gen-1", 3)
    for n, (machine, rule, severity) in enumerate((("gen-1", "fail_to_start", "danger"), ("lift-1", "passenger_entrapment", "danger")), 1):
        base, said, order = 30 + 30 * n, (word(40 + n), word(40 + n)), f"O{n}-1"
        house.fault(f"F{n}-1", machine, severity, said, rule=rule, order=order, do=(word(base), word(base)), values={"engine_speed": 1.0})
        house.order(order, machine, severity, said, fault=f"F{n}-1", state=("accepted", "restored")[n - 1])
        house.page(f"P{n}-1", f"F{n}-1", order, "app", word(base + 1), person="li.wei", message={"zh": [word(base + 2), word(base + 3)], "en": [word(base + 2), word(base + 3)]})
        house.page(f"P{n}-2", f"F{n}-1", order, "room", word(base + 4), verdict="retry")
        house.receipt(f"P{n}-1", "undelivered", word(base + 5))
        house.call(order, [("app", "li.wei"), ("room", None)])
        house.major(order, "security", "li.wei", page=f"P{n}-3", task=(word(base + 6), word(base + 6)))
        house.note(order, word(base + 7))
        held = {"reason": word(base + 8), "told": word(base + 9), "by": "li.wei", "since_ns": house.now}
        house.records.db.execute("UPDATE work_order SET cause = ?, remedy = ?, hold_json = ? WHERE id = ?", (word(base + 10), word(base + 11), orjson.dumps(held).decode(), order))
    house.records.db.execute("INSERT INTO rescue (work_order, round, equipment, known_ns) VALUES ('O2-1', 1, 'lift-1', ?)", (house.now,))
    house.fault("F3-1", "gen-1", "normal", (word(43), word(43)), rule="another", condition="active")
    shelf = {"by": "li.wei", "second": None, "reason": word(44), "at_ns": house.now}
    house.records.db.execute("UPDATE fault SET shelved_until_ns = ?, shelf_json = ? WHERE id = 'F3-1'", (house.now + 3600 * NS, orjson.dumps(shelf).decode()))
    house.fault("F4-1", "monitor", "normal", (word(45), word(45)), kind="monitor")
    house.roster_change("R1-1", "engineering", house.now, house.now + 3600 * NS, come="wang.fang", out="li.wei", reason=word(46))
    opened = {"orders": [{"id": "O1-1", "equipment": "gen-1", "severity": "danger", "state": "open", "by": "ghost"}]}
    house.handover("H1-1", "engineering", "ghost", opened, note=word(47))
    asked = orjson.dumps({"does": "excuse", "by": "ghost", "at_ns": house.now, "until": None, "reason": word(106)}).decode()
    house.task("M1-1", "gen-1/weekly", "engineer", "due", house.now, note=word(105), asked_json=asked, started_ns=house.now, started_by="ghost")
    house.outcome("command-0001", "comment", "O1-1", "boss", False, (word(48), word(48)), state={"word": word(48)})
    house.outcome("command-0002", "stand_in", "engineering", "boss", True, state={"untold": ["ghost"]})
    house.outcome("command-0003", "comment", "O1-1", "boss", True)
    house.person("ghost", word(49))
    house.severity_change("F1-1", "readiness", "danger", "ghost", reason=word(55))
    house.handing("O1-1", word(56), "ghost", seq=41, reason=word(57))
    link: LinkCounts = {"id": "bus-1", "state": "down", "reason": word(50), "counts": {}, "units": [], "p50_ms": None, "p99_ms": None}
    link_counts.write(house.folder, house.now, [link])
    house.engine_at(1)
    return house


def people_in(app: FastAPI, house: Installation, word: Word) -> dict[str, str]:
    """Accounts, a screen, a browser that is told; cookies by name of who has everything."""
    access = app.state.access
    access.add("boss", Role.ADMIN, PASSWORD)
    access.enter(Entrant("https://login.example.com", "s", "zhou", word(51), Role.ADMIN, None))
    app.state.browsers.add("boss", "https://fcm.googleapis.com/fcm/send/x", "p", "a", word(52), house.now)
    screen = app.state.screens.make("hq", word(53), word(54), house.now)
    return {"plantroom_session": access.log_in("boss", PASSWORD), "federated": access._begin("zhou"), "plantroom_screen": screen}
