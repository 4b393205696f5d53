"""A site that keeps a plan, on the kit's virtual clock: two pumps and an area, a few templates of their own, people of all three tiers."""

from __future__ import annotations

from typing import Any

from rules.book import pack
from tests.kit.engine import PEOPLE, RULES, Kit, peopled, pump

DAY_S = 86_400
REPORT = "ab" * 32
PHOTO = "cd" * 32

WHO = """
  - {id: kone.liu, name: 刘工, roles: [vendor], firm: 通力}
  - {id: other.he, name: 何工, roles: [vendor], firm: 别家}
  - {id: tester.qi, name: 齐工, roles: [third_party], firm: 检测院}
  - {id: kone.test, name: 通检, roles: [third_party], firm: 通力}
  - {id: nobody.test, name: 无名, roles: [third_party]}
roster:"""

PLAN = """
kind: fire_pump
entries:
  daily:
    says: {zh: 日常巡检, en: Daily look}
    tier: 1
    clause: M-1
    src: O
    source: test
    role: engineer
    round: daily
    every: 1 day
    at: "08:30"
    grace: 8h
    items:
      auto: {zh: 自动位, en: In automatic}
      pressure: {zh: 压力, en: Pressure, type: number, unit: bar, limits: [2, 24]}
  month:
    says: {zh: 月度保养, en: Monthly maintenance}
    tier: 2
    clause: M-2
    src: O
    source: test
    role: vendor
    evidence: [report]
    dates: floating
    every: 1 month
    warn: 7d
    grace: 3d
    suppresses: [phase_loss]
    suppress_for: 4h
    items:
      gap: {zh: 间隙, en: Gap, type: number, unit: mm, limits: [0, 0.7], photo: true}
      state: {zh: 状态, en: State, type: choice, choices: {good: {zh: 好, en: good}, worn: {zh: 磨损, en: worn}}, bad: [worn]}
      remarks: {zh: 备注, en: Remarks, type: text}
  year:
    says: {zh: 年度评估, en: Yearly assessment}
    tier: 3
    clause: M-3
    src: O
    source: test
    role: third_party
    evidence: [report]
    every: 1 year
    warn: 30d
    satisfies: [month]
    items:
      fit: {zh: 合格, en: Fit}
"""
KEY = "rules/plans/fire_pump.yaml"
GO_LIVE = "plan: {go_live: 2026-11-01}\n"


def site(plan: str = GO_LIVE, *, pumps: int = 2) -> str:
    ledger = "\n    ledger: {supplier: 通力, maintained_by: 通力}"
    machines = [pump(n).rstrip("\n") + ledger for n in range(1, pumps + 1)]
    return peopled(PEOPLE.replace("\nroster:", WHO, 1), *machines) + plan


def rules(plan: str = PLAN) -> dict[str, str]:
    overdue = next(rule for rule in pack().rules if rule.id == "maintenance_overdue")
    return {**{name: text for name, text in RULES.items() if "delivery_failed" not in name}, overdue.file: overdue.text, KEY: plan}


def task(kit: Kit, job: str, state: str | None = None) -> str:
    """The id of the newest task of a job, or of its newest in this state."""
    wanted = "" if state is None else f" AND state = '{state}'"
    return str(kit.rows(f"SELECT id FROM plan_task WHERE job = ?{wanted} ORDER BY rowid DESC LIMIT 1", job)[0][0])


def state(kit: Kit, id_: str) -> str:
    return str(kit.one("SELECT state FROM plan_task WHERE id = ?", id_))


def to(kit: Kit, at_ns: int) -> None:
    """Time passes to an instant in one step, with its tick."""
    kit.clock.advance((at_ns - kit.clock.read().wall_ns) / 10**9)
    kit.tick(0)
    kit.run()


def pump_month(**items: Any) -> dict[str, Any]:
    """What completes `month`."""
    return {"items": {"gap": {"value": "0.5", "photo": PHOTO}, "state": "good", **items}, "evidence": {"report": [REPORT]}}


def keep_files(kit: Kit) -> None:
    """The report and the photo that tasks are completed with here are known evidence."""
    for file in (REPORT, PHOTO):
        assert kit.command("attach", "fp-1", about="equipment", hash=file, kind="pdf", bytes=9) == "ok"
