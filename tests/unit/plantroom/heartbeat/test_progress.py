"""What is read of a site's folder: facts of the journal, the records and the followers, and nothing where nothing can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest

from plantroom import link_counts
from plantroom.clock import NS, VirtualClock
from plantroom.heartbeat.progress import Progress, age_s, progress
from plantroom.journal import Entry, Journal, Kind, encode_batch
from plantroom.model import Frame, one_row
from plantroom.records import Records

WALL = 1_795_262_400 * NS
MESSAGE = orjson.dumps({"zh": ["a", "b"], "en": ["a", "b"]}).decode()


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, VirtualClock(WALL)
        self.journal = Journal(folder / "journal", self.clock)
        self.records = Records.open(folder / "records.db")

    def append(self, entry: Entry) -> int:
        with self.journal.writer("test") as writer:
            return writer.append([entry])[0]

    def page(self, ident: str, *, severity: str = "danger", state: str = "queued", fault: str = "F1", channel: str = "duty") -> None:
        self.records.db.execute(
            "INSERT INTO outbox (id, fault, work_order, channel, reason, severity, message_json, created_ns, due_ns, state)"
            " VALUES (?, ?, NULL, ?, 'raised', ?, ?, ?, 0, ?)",
            (ident, fault, channel, severity, MESSAGE, self.clock.read().wall_ns, state),
        )

    def accepted(self, ident: str) -> None:
        now_ns = self.clock.read().wall_ns
        self.records.db.execute("UPDATE outbox SET state = 'accepted' WHERE id = ?", (ident,))
        self.records.db.execute("INSERT INTO attempt (outbox, n, channel, verdict, answer, started_ns, ended_ns) VALUES (?, 1, 'duty', 'accepted', '', ?, ?)", (ident, now_ns, now_ns))

    def look(self) -> Progress:
        return progress(self.folder, self.clock, {"collect": True})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "tower")
    yield made
    made.records.close()


def test_a_new_site_has_nothing_to_show_and_no_error(tmp_path: Path) -> None:
    clock = VirtualClock(WALL)
    assert progress(tmp_path, clock) == Progress(clock.read())


def test_everything_that_moves_is_seen(site: Site) -> None:
    config = site.append(Entry(Kind.CONFIG, b"{}"))
    site.clock.advance(5)
    site.append(encode_batch(one_row(Frame(("a.b",)), WALL, np.array([1.0]), np.zeros(1, np.uint8))))
    site.clock.advance(2)
    tick = site.append(Entry(Kind.TICK, b"{}"))
    at = site.clock.read()
    site.records.db.execute("INSERT INTO position VALUES (1, ?, ?, ?, ?)", (tick, at.wall_ns, at.boot_ns, at.boot))
    site.journal.positions.mark("notify", tick - 1)
    link_counts.write(site.folder, at.wall_ns, [])
    site.clock.advance(3)
    seen = site.look()
    assert (seen.seq, seen.config, seen.position, seen.delivered, seen.collected_ns) == (tick, config, tick, tick - 1, at.wall_ns)
    assert seen.telemetry is not None and seen.position_at is not None
    assert (age_s(seen.telemetry, seen.at), age_s(seen.position_at, seen.at)) == (5.0, 3.0)
    assert seen.services == {"collect": True} and seen.error == ""


def test_an_urgent_page_is_unheard_until_any_channel_takes_one_about_its_fault(site: Site) -> None:
    site.page("P1", channel="duty")
    site.page("P2", channel="sms")
    site.page("P3", severity="advisory", fault="F2")
    assert (site.look().urgent, site.look().unheard_ns) == (2, WALL)
    site.clock.advance(10)
    site.accepted("P2")
    seen = site.look()
    assert (seen.urgent, seen.unheard_ns, seen.accepted_ns) == (1, None, WALL + 10 * NS), "one dead channel of two is a fault, not blindness"
    site.clock.advance(10)
    site.page("P4", fault="F1")
    assert site.look().unheard_ns == WALL + 20 * NS, "what was taken before does not answer for what came after"
    site.page("P5", fault="F9")
    site.accepted("P4")
    assert site.look().unheard_ns == WALL + 20 * NS, "nor does another fault's"


def test_a_normal_page_waits_from_when_it_was_due_or_first_tried_and_is_no_urgent_one(site: Site) -> None:
    """T3 holds for it too; what is gathered until later waits on purpose."""
    site.page("P1", severity="normal")
    site.records.db.execute("UPDATE outbox SET due_ns = ?", (WALL + 900 * NS,))
    assert (site.look().urgent, site.look().unheard_ns) == (0, WALL + 900 * NS)
    site.records.db.execute("INSERT INTO attempt (outbox, n, channel, verdict, answer, started_ns, ended_ns) VALUES ('P1', 1, 'duty', 'retry', '', ?, ?)", (WALL + 901 * NS, WALL))
    assert site.look().unheard_ns == WALL + 901 * NS, "tries again move no beginning"
    site.page("P2", severity="normal", channel="sms")
    site.accepted("P2")
    assert site.look().unheard_ns is None
    for ident, state in (("P3", "queued"), ("P4", "accepted")):  # gathered: about no fault, known by its instant
        site.page(ident, severity="normal", state=state, channel=ident)
        site.records.db.execute("UPDATE outbox SET fault = NULL WHERE id = ?", (ident,))
    assert site.look().unheard_ns is None
    site.records.db.execute("DELETE FROM outbox WHERE id = 'P4'")
    assert site.look().unheard_ns == WALL


def test_what_cannot_be_read_is_said_and_never_raised(site: Site) -> None:
    site.append(Entry(Kind.TICK, b"{}"))
    site.records.close()  # what was in its write-ahead log goes into the file
    (site.folder / "records.db").write_bytes(b"no database" * 500)
    assert "NotADBError" in site.look().error
    assert site.look().services == {"collect": True}
