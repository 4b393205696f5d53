"""Which page leaves next, and that none leaves twice at once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.model import Severity
from rules.notify.board import Board, Waiting
from rules.notify.page import Page, answer, secrets_of
from rules.outbox import Verdict, after_attempt

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


class Plain:
    """What the board promises, said without anything kept: of each subject the oldest that is still wanted, by urgency, then by its instant."""

    def __init__(self) -> None:
        self.rows: list[Waiting] = []
        self.tried: dict[str, tuple[int, int | None]] = {}  # attempts, due
        self.going: set[tuple[str, str, str]] = set()

    def update(self, rows: list[Waiting]) -> None:
        self.rows = rows
        seen = {each.id: each.attempts for each in rows}
        self.tried = {id_: tried for id_, tried in self.tried.items() if id_ in seen and seen[id_] < tried[0]}

    def firsts(self, channel: str) -> list[tuple[int, int, int, Waiting]]:
        found = []
        for n, each in enumerate(self.rows):
            due = self.tried.get(each.id, (0, each.due_ns))[1]
            older = [one for one in self.rows[:n] if one.subject == each.subject and self.tried.get(one.id, (0, 0))[1] is not None]
            if each.channel == channel and due is not None and not older and each.subject not in self.going:
                found.append((list(Severity).index(each.severity), each.due_ns, n, each))
        return sorted(found, key=lambda one: one[:3])

    def due(self, each: Waiting) -> int:
        due = self.tried.get(each.id, (0, each.due_ns))[1]
        assert due is not None
        return due

    def next(self, channel: str, now_ns: int) -> Waiting | None:
        return next((each for *_, each in self.firsts(channel) if self.due(each) <= now_ns), None)


@settings(max_examples=70, deadline=None)
@given(st.data())
def test_the_board_is_the_plain_account_whatever_happens(data: st.DataObject) -> None:
    """Rows come, go, are told anew by records that lag; attempts end in every way, out of order."""
    kept, plain, now, number = Board(), Plain(), NOW, 0
    rows: dict[str, Waiting] = {}
    going: list[Waiting] = []
    for _ in range(data.draw(st.integers(1, 40))):
        step = data.draw(st.sampled_from(["come", "go", "next", "next", "end", "end", "records", "wait"]))
        if step == "come":
            number += 1
            severity, fault, channel, due_s = data.draw(st.tuples(st.sampled_from(list(Severity)), st.integers(1, 3), st.sampled_from(["duty", "screen"]), st.integers(-3, 20)))
            new = row(number, severity, f"F{fault}-1", channel, due_s + (now - NOW) / NS, person=data.draw(st.sampled_from([None, "li.wei"])))
            rows[new.id] = new
        elif step == "go" and rows:
            rows.pop(data.draw(st.sampled_from(sorted(rows))))
        elif step == "next":
            channel = data.draw(st.sampled_from(["duty", "screen"]))
            found = kept.next(channel, now)
            assert found == plain.next(channel, now)
            if found is not None:
                plain.going.add(found.subject)
                going.append(found)
        elif step == "end" and going:
            ended, verdict = going.pop(data.draw(st.integers(0, len(going) - 1))), data.draw(st.sampled_from(list(Verdict)))
            n = kept.ended(ended, verdict, now)
            plain.going.discard(ended.subject)
            plain.tried[ended.id] = n, after_attempt(n, verdict, ended.severity, now, None).due_ns
        elif step == "records":  # the engine has written down some of what was tried
            for id_ in data.draw(st.lists(st.sampled_from(sorted(rows)), unique=True)) if rows else ():
                tried = plain.tried.get(id_)
                if tried is not None and tried[1] is None:
                    rows.pop(id_)
                elif tried is not None and tried[1] is not None:
                    rows[id_] = replace(rows[id_], attempts=tried[0], due_ns=tried[1])
        elif step == "wait":
            now += data.draw(st.integers(1, 30)) * NS
        if step in ("come", "go", "records"):
            kept.update(rows.values())
            plain.update(list(rows.values()))
        for channel in ("duty", "screen"):
            dues = [plain.due(each) for *_, each in plain.firsts(channel)]
            assert kept.next_due_ns(channel) == min(dues, default=None)


def test_records_wake_only_the_channels_for_which_something_is_new() -> None:
    found = board(row(1), row(2, channel="screen"))
    assert found.update([row(1), row(2, channel="screen")]) == set()
    assert found.update([row(1, attempts=1), row(2, channel="screen")]) == {"duty"}
    assert found.update([row(1, attempts=1)]) == {"screen"}


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
