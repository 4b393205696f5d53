"""`plan:` of a site file -> SitePlan.

plan:
  go_live: 2026-12-01                                       # from when the plan is kept; without it there is none
  kinds: {elevator: {half_month: {every: 10 days, grace: 1d}}}
  machines:
    lift-3: {half_month: {last: 2026-11-20}, year: {off: 新梯首年由厂家免检}}
  rounds:
    daily: {name: 早巡, at: "08:30", grace: 6h, stops: [fp-1, gen-1]}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from plantroom import yaml_file as y
from plantroom.plan import Change, RoundChange, SitePlan
from plantroom.recurrence_file import LONGEST_GRACE_S, LONGEST_WARN_S, clock, every, length


def read_plan(node: y.Node | None, paper: y.Paper, equipment: Collection[str], kinds: Collection[str]) -> SitePlan | None:
    """None without one. equipment, kinds: of the site. That entries exist is judged where the templates are (rules/plan_check.py)."""
    if node is None:
        return None
    f = y.Fields(node, "plan", paper)
    go_live = f.need("go_live", day)
    wide, own = _changes(f, "kinds", kinds, "kind of this site"), _changes(f, "machines", equipment, "equipment")
    rounds = {
        name: _round(y.Fields(item, f"plan.rounds.{name}", paper), equipment)
        for name, item in y.mapping(f.child("rounds"), "plan.rounds", paper).items.items()
    }
    f.done()
    return None if go_live is None else SitePlan(go_live, wide, own, rounds)


def day(node: y.Node) -> date:
    said = str(node.value) if isinstance(node, y.Scalar) else y.text(node)
    try:
        found = date.fromisoformat(said)
    except ValueError:
        raise y.Wrong(f"{said!r} is no date; write 2026-12-01", node) from None
    if not 1950 <= found.year <= 2100:
        raise y.Wrong(f"{said} is a mistyped year", node)
    return found


def _changes(f: y.Fields, key: str, known: Collection[str], what: str) -> Mapping[str, Mapping[str, Change]]:
    found: dict[str, Mapping[str, Change]] = {}
    for name, node in y.mapping(f.child(key), f.path(key), f.paper).items.items():
        where = f"{f.path(key)}.{name}"
        if name not in known:
            f.paper.wrong(node.line, where, f"{name!r} is no {what}{y.nearest(name, known)}")
        entries = y.mapping(node, where, f.paper).items.items()
        found[name] = {entry: _change(y.Fields(item, f"{where}.{entry}", f.paper), last=key == "machines") for entry, item in entries}
    return found


def _change(f: y.Fields, *, last: bool) -> Change:
    made = Change(
        f.opt("every", every), f.opt("at", clock), f.opt("grace", length(LONGEST_GRACE_S)), f.opt("warn", length(LONGEST_WARN_S)),
        f.opt("off", y.text), f.opt("last", day) if last else None,
    )  # fmt: skip
    f.done()
    return made


def _round(f: y.Fields, equipment: Collection[str]) -> RoundChange:
    stops = []
    for item in y.entries(f.child("stops"), f.path("stops"), f.paper):
        try:
            stops.append(y.one_of(equipment, "equipment")(item))
        except y.Wrong as error:
            f.paper.wrong(item.line, f.path("stops"), str(error))
    if len(set(stops)) < len(stops):
        f.wrong("stops", "names a machine twice")
    name = f.may("name", y.text, "")
    change = Change(
        f.opt("every", every), f.opt("at", clock), f.opt("grace", length(LONGEST_GRACE_S)), f.opt("warn", length(LONGEST_WARN_S))
    )
    f.done()
    return RoundChange(name, tuple(stops), change)
