"""Which page leaves next, and that none leaves twice at once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.model import Severity
from rules.notify.board import Board, Waiting
from rules.notify.page import Page, answer, secrets_of
from rules.outbox import Verdict

NOW = 1_795_262_400 * NS


def row(
    number: int, severity: Severity = Severity.DANGER, fault: str = "", channel: str = "duty", due_s: float = 0, attempts: int = 0,
    person: str | None = None,
) -> Waiting:  # fmt: skip
    due = NOW + round(due_s * NS)
    return Waiting(f"P{number}-1", fault or f"F{number}-1", f"O{number}-1", channel, person, severity, NOW + number, due, attempts)


def board(*rows: Waiting) -> Board:
    found = Board()
    found.update(rows)
    return found


def test_the_more_urgent_goes_first_then_the_one_longer_due() -> None:
    b = board(row(1, Severity.NORMAL), row(2, Severity.READINESS, due_s=-1), row(3, Severity.READINESS, due_s=-5), row(4, Severity.DANGER))
    order = []
    while (found := b.next("duty", NOW)) is not None:
        order.append(found.id)
    assert order == ["P4-1", "P3-1", "P2-1", "P1-1"]


def test_a_page_under_way_is_not_taken_a_second_time() -> None:
    b = board(row(1))
    assert b.next("duty", NOW) is not None
    assert b.next("duty", NOW) is None
    b.update([row(1)])  # the records still show it queued
    assert b.next("duty", NOW) is None


def test_pages_about_one_fault_leave_one_after_the_other_and_in_their_order() -> None:
    raised, cleared = row(1, fault="F1-1"), row(2, fault="F1-1")
    b = board(raised, cleared)
    first = b.next("duty", NOW)
    assert first == raised and b.next("duty", NOW) is None
    b.ended(raised, Verdict.RETRY, NOW)
    assert b.next("duty", NOW) is None, "the elder waits for its next try, the younger for the elder"
    again = b.next("duty", NOW + 2 * NS)
    assert again == raised
    b.ended(raised, Verdict.ACCEPTED, NOW + 2 * NS)
    assert b.next("duty", NOW + 2 * NS) == cleared


def test_another_channel_is_not_concerned() -> None:
    b = board(row(1, fault="F1-1"), row(2, fault="F1-1", channel="screen"))
    assert b.next("duty", NOW) is not None and b.next("screen", NOW) is not None


def test_while_the_engine_is_away_our_own_attempts_count() -> None:
    b = board(row(1))
    page = b.next("duty", NOW)
    assert page is not None
    assert [b.ended(page, Verdict.RETRY, NOW), b.ended(page, Verdict.RETRY, NOW)] == [1, 2]
    assert b.next_due_ns("duty") == NOW + 5 * NS
    b.update([row(1)])
    assert b.next_due_ns("duty") == NOW + 5 * NS, "the records have not seen them yet"
    b.update([row(1, due_s=7, attempts=2)])
    assert b.next_due_ns("duty") == NOW + 7 * NS, "now they have, and say when"


def test_what_was_accepted_is_not_sent_again_before_the_engine_has_written_it_down() -> None:
    b = board(row(1))
    page = b.next("duty", NOW)
    assert page is not None
    b.ended(page, Verdict.ACCEPTED, NOW)
    b.update([row(1)])
    assert b.next("duty", NOW + 3600 * NS) is None and b.next_due_ns("duty") is None


def test_attempts_found_in_the_journal_at_the_start_count_too() -> None:
    b = board(row(1), row(2))
    b.recorded("P1-1", Verdict.ACCEPTED, NOW)
    b.recorded("P2-1", Verdict.RETRY, NOW, retry_after_s=30)
    b.recorded("P9-1", Verdict.ACCEPTED, NOW)  # of a page that is long over
    assert b.next("duty", NOW) is None and b.next_due_ns("duty") == NOW + 30 * NS


def test_a_refused_normal_page_is_over_and_the_next_one_about_it_may_go() -> None:
    first, second = row(1, Severity.NORMAL, fault="F1-1"), row(2, Severity.NORMAL, fault="F1-1")
    b = board(first, second)
    assert b.next("duty", NOW) == first
    b.ended(first, Verdict.REFUSED, NOW)
    assert b.next("duty", NOW) == second


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(list(Severity)), st.sampled_from(list(Verdict)), st.integers(0, 400)), max_size=60))
def test_no_subject_is_ever_under_way_twice_and_nothing_leaves_before_it_is_due(steps: list[tuple[int, Severity, Verdict, int]]) -> None:
    rows = [row(n, severity, fault=f"F{n % 2}-1") for n, severity in ((n, s) for n, s, _, _ in steps)]
    b = board(*{r.id: r for r in rows}.values())
    now, going = NOW, []
    for _, _, verdict, wait in steps:
        now += wait * NS
        found = b.next("duty", now)
        if found is not None:
            assert found.subject not in [other.subject for other in going]
            going.append(found)
        elif going:
            b.ended(going.pop(0), verdict, now)
    while going:
        b.ended(going.pop(), Verdict.ACCEPTED, now)
    due = b.next_due_ns("duty")
    assert due is None or b.next("duty", due - 1) is None
    assert due is None or b.next("duty", due) is not None


def test_an_answer_is_one_short_line_without_anything_secret() -> None:
    settings = {"url": "https://bot:hunter22@chat.example.com/hook/abcd1234?key=wxyz9876&n=1", "secret": "sig-key", "auth": {"token": "tok-tok"}}
    said = answer(settings, Verdict.RETRY, "line 1\n\tline 2 sig-key hunter22 abcd1234 wxyz9876 tok-tok " + "x" * 500)
    assert len(said.text) == 200 and "\n" not in said.text
    assert not [secret for secret in ("sig-key", "hunter22", "abcd1234", "wxyz9876", "tok-tok") if secret in said.text]
    assert "1" not in secrets_of(settings), "what is too short to be a secret stays readable"


def test_a_page_says_the_same_to_every_machine_channel() -> None:
    page = Page("P1-1", "tower", "raised", "danger", {"zh": ["一", "二"], "en": ["one", "two"]}, NOW)
    assert b'"text":{"zh":' in page.payload() and b'"sent_at":"2026-11-21T12:00:00.000Z"' in page.payload()
    assert replace(page, sent_ns=0).payload() != page.payload()


def test_pages_about_one_thing_to_two_people_on_one_channel_do_not_wait_for_each_other() -> None:
    found = board(row(1, fault="F1-1", person="li.wei"), row(2, fault="F1-1", person="chief"), row(3, fault="F1-1", person="li.wei"))
    taken = [found.next("duty", NOW + 10), found.next("duty", NOW + 10), found.next("duty", NOW + 10)]
    assert [each.id if each is not None else None for each in taken] == ["P1-1", "P2-1", None]


def test_a_danger_leaves_before_thousands_that_wait_and_each_of_them_leaves_once() -> None:
    rows = [row(n, Severity.READINESS, due_s=-n) for n in range(3000)] + [row(9000, Severity.DANGER)]
    found = board(*rows)
    left = []
    while (each := found.next("duty", NOW + NS)) is not None:
        left.append(each.id)
        found.ended(each, Verdict.ACCEPTED, NOW + NS)
    assert left[0] == "P9000-1" and len(left) == len(set(left)) == 3001
    assert left[1] == "P2999-1", "then who waits longest"
