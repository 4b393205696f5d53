"""Caps of requests: of a device on average, of a whole line from one request to the next; and where they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.actions import Ask, Command, Rest
from collector.backoff import Backoff
from collector.bindings import Job
from collector.links import session_of
from collector.session import Session
from plantroom.errors import BadInput
from plantroom.profile_file import parse_profile
from plantroom.site import ModbusTcp
from plantroom.site_file import load_site
from tests.unit.collector.lines import Steady, at, at_s, bound, jobs_of, profile, register


def asked_at(play: Session, seconds: float, latency_s: float = 0.01) -> list[tuple[float, int]]:
    """(when, unit) of every request in so many seconds, each answered after latency_s."""
    now, found = 0.0, list[tuple[float, int]]()
    play.start(at(0))
    out: list[Command] = play.linked(at(0))
    while now < seconds:
        asks = [c for c in out if isinstance(c, Ask)]
        found += [(now, c.unit) for c in asks]
        if asks:
            now += latency_s
            out = play.answered(at(now), bytes(asks[0].read.reply_bytes), latency_s, asks[0].unit)
        else:
            now = max(now, next(c for c in out if isinstance(c, Rest)).until_s - at_s(0))
            out = play.woken(at_s(now))
    return found


def jobs(period_s: float, **bus: object) -> list[Job]:
    made = profile([register("near", 10), register("far", 500)], **bus)
    return [job for unit in (1, 2) for job in jobs_of(made, [bound(f"p-{unit}", n, period_s) for n in made.points], unit, f"dev-{unit}")]


def test_a_device_is_asked_no_more_than_its_cap_and_its_neighbours_as_often_as_they_like() -> None:
    capped, free = jobs(0.1, spacing_s=0.25)[:2], jobs(0.1)[2:]
    found = asked_at(Session([*capped, *free], at(0), Backoff(Steady())), 10.0)  # type: ignore[arg-type]
    assert 36 <= sum(unit == 1 for _, unit in found) <= 42, "four requests a second"
    assert sum(unit == 2 for _, unit in found) > 180, "two reads every 0.1 s"


def test_a_line_is_asked_no_more_than_its_cap_whoever_is_due() -> None:
    play = session_of(ModbusTcp("192.0.2.1", max_requests_per_s=5.0), jobs(0.1), at(0), Backoff(Steady()), 0.0)  # type: ignore[arg-type]
    found = asked_at(play, 10.0)
    assert 48 <= len(found) <= 52 and {unit for _, unit in found} == {1, 2}
    assert min(b - a for (a, _), (b, _) in zip(found, found[1:], strict=False)) >= 0.2 - 1e-9
    assert play.tally.missed_slots > 100, "and what had no room is counted"


def test_how_many_units_are_asked_at_once_is_the_sites_word_or_the_least_of_all_profiles() -> None:
    two, four = jobs(1.0, concurrent=2), jobs(1.0, concurrent=4)
    for link, made, most in (
        (ModbusTcp("h"), two, 2), (ModbusTcp("h"), [*two[:2], *four[2:]], 2), (ModbusTcp("h", concurrent=3), two, 3), (ModbusTcp("h"), jobs(1.0), 1),
    ):  # fmt: skip
        assert session_of(link, made, at(0), Backoff(Steady()), 0.0)._concurrent == most  # type: ignore[arg-type]


PROFILE = """
profile: acme
model: Acme
source: {document: none}
bus: {max_requests_per_s: 4, concurrent: 3, identify: true}
extra: {a: {table: holding, address: 1}}
"""


def test_profile_and_site_file_say_it(tmp_path: Path) -> None:
    bus = parse_profile(PROFILE, "acme.yaml").bus
    assert (bus.spacing_s, bus.concurrent, bus.identify) == (0.25, 3, True)
    with pytest.raises(BadInput, match="times a second"):
        parse_profile(PROFILE.replace("per_s: 4", "per_s: 0"), "acme.yaml")
    file = tmp_path / "site.yaml"
    link = "{host: 192.0.2.1, concurrent: 4, max_requests_per_s: 20}"
    file.write_text(f"site: {{id: hq, name: HQ, zone: UTC}}\nconnections:\n  - {{id: bus-1, modbus_tcp: {link}}}\n")
    assert load_site(file).connections["bus-1"].link == ModbusTcp("192.0.2.1", concurrent=4, max_requests_per_s=20.0)
