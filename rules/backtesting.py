"""What the rules would have raised over history, and what another version of them would have: `plantroom backtest` at work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from plantroom.bundle import checked
from plantroom.cli import print_json
from plantroom.clock import iso
from plantroom.errors import BadInput, Problem
from plantroom.site import Site
from rules.backtest import Backtest, Event
from rules.book import rulebook
from rules.callouts import Outcome, outcome
from rules.comparison import compared, lines
from rules.histories import open_history
from rules.history_csv import instant_ns
from rules.versions import Version, judged, what_if, with_rules


def run_backtest(
    site_file: Path, history: str, start: str | None, end: str | None, changes: Sequence[str], rules: Path | None, as_json: bool
) -> int:
    site = checked(site_file)
    version = Version(site, rulebook(site.files))
    span = _instant("--from", start), _instant("--to", end)
    if changes or rules is not None:
        other = with_rules(version, rules) if rules is not None else version
        return _compare(version, what_if(other, changes), history, span, as_json)
    with closing(open_history(history, site)) as found:
        for event in Backtest(site, version.book).run(found, *span):
            print_json(
                {
                    "at": iso(event.at_ns), "since": iso(event.since_ns), "event": event.event,
                    "rule": event.rule, "equipment": event.equipment, "severity": event.severity,
                }
            )  # fmt: skip
    return 0


def _compare(before: Version, after: Version, history: str, span: tuple[int | None, int | None], as_json: bool) -> int:
    site = before.site
    with closing(open_history(history, site)) as first, closing(open_history(history, site)) as second:
        both, test = judged(before, after, (first, second), *span)

    def called(version: Version, events: Sequence[Event]) -> tuple[Sequence[Event], Outcome]:
        return events, outcome(_as_seen(version.site, test), version.book, events, test.facts_at)

    old, new = called(before, both.before), called(after, both.after)
    seen = test.span
    whole = span[0] if span[0] is not None else seen[0], span[1] if span[1] is not None else seen[1]
    found = compared(old, new, ZoneInfo(site.zone), whole, sorted(both.changed))
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(lines(found, site.language)))
    return 0


def _as_seen(site: Site, test: Backtest) -> Site:
    """With the bindings the history gave machines that have none of their own: they count in their groups."""
    seen = test.machines
    equipment = {
        name: one if one.bindings or name not in seen else replace(one, bindings=seen[name].bindings)
        for name, one in site.equipment.items()
    }
    return replace(site, equipment=equipment)


def _instant(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return instant_ns(text)
    except ValueError:
        raise BadInput([Problem("command line", 0, option, f"{text!r} is no instant; write 2026-03-01T06:00:00Z")]) from None
