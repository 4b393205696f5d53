"""Links that accept: single use, an hour, and nothing in the file that anybody could use."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.tickets import LIFE_NS, Tickets

NOW = 1_795_000_000 * NS


def test_a_ticket_is_good_for_an_hour_and_once(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path / "access.db")
    nonce = tickets.issue("hq", "P1-1", "O1-1", "li.wei", NOW)
    found = tickets.find(nonce)
    assert found is not None and (found.site, found.page, found.work_order, found.person) == ("hq", "P1-1", "O1-1", "li.wei")
    assert found.good(NOW) and found.good(NOW + LIFE_NS - 1) and not found.good(NOW + LIFE_NS)
    tickets.spend(found, NOW + 5)
    tickets.spend(found, NOW + 9)
    again = tickets.find(nonce)
    assert again is not None and again.spent_ns == NOW + 5 and not again.good(NOW + 6)
    tickets.close()


def test_the_file_holds_no_link_and_no_other_can_read_it(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path / "access.db")
    nonces = [tickets.issue("hq", f"P{n}-1", "O1-1", "li.wei", NOW) for n in range(50)]
    assert len(set(nonces)) == 50 and all(len(nonce) >= 128 // 6 for nonce in nonces)
    tickets.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(nonce.encode() in kept for nonce in nonces)
    assert (tmp_path / "access.db").stat().st_mode & 0o077 == 0


def test_old_ones_are_forgotten(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path / "access.db")
    old = tickets.issue("hq", "P1-1", "O1-1", "li.wei", NOW)
    tickets.issue("hq", "P2-1", "O1-1", "li.wei", NOW + 8 * 86_400 * NS)
    assert tickets.find(old) is None
    tickets.close()


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_nothing_made_up_is_a_ticket(text: str) -> None:
    assert _some().find(text) is None


_FOLDER: list[Tickets] = []


def _some() -> Tickets:
    if not _FOLDER:
        import tempfile

        _FOLDER.append(Tickets(Path(tempfile.mkdtemp()) / "access.db"))
        for n in range(20):
            _FOLDER[0].issue("hq", f"P{n}-1", "O1-1", "li.wei", NOW)
    return _FOLDER[0]
