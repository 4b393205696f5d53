from __future__ import annotations

import asyncio
from collections.abc import Sequence

from collector.store.answers import Answer, Verdict
from collector.store.deliver import LONGEST_PAUSE_S, Delivery, Refusal, conflict_of, parted
from collector.store.health import Doctor
from tests.kit.fake_store import FakeStore

LATER = Answer(Verdict.LATER, "503: away")
REFUSED = Answer(Verdict.REFUSED, "401: unauthorized")


class Scene:
    """A delivery on a virtual clock: `pauses` are what it waited, `told` what it said."""

    def __init__(self, store: FakeStore) -> None:
        self.store, self.now_s = store, 0.0
        self.pauses: list[float] = []
        self.told: list[tuple[str, str]] = []
        self._delivery = Delivery(store, Doctor(), lambda: self.now_s, self._tell, self._pause)

    def deliver(self, lines: Sequence[bytes]) -> list[Refusal]:
        return asyncio.run(self._delivery.deliver(lines))

    async def _tell(self, event: str, why: str) -> None:
        self.told.append((event, why))

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds


def lines(number: int) -> list[bytes]:
    return [b"fire_pump,site=hq,equipment=fp-1 a=%d.0,b=1.0 %d" % (n, n) for n in range(number)]


def test_good_lines_go_in_one_request() -> None:
    scene = Scene(FakeStore())
    assert scene.deliver(lines(100)) == []
    assert scene.store.posts == [100]
    assert scene.store.samples() == 200


def test_nothing_to_deliver_asks_nothing() -> None:
    scene = Scene(FakeStore())
    scene.deliver([])
    assert scene.store.posts == []


def test_the_bad_line_is_found_and_every_other_is_stored() -> None:
    scene = Scene(FakeStore(bad=lambda line: b" 37" in line))
    refused = scene.deliver(lines(100))
    assert [refusal.line for refusal in refused] == [
        b"fire_pump,site=hq,equipment=fp-1 a=37.0 37",
        b"fire_pump,site=hq,equipment=fp-1 b=1.0 37",
    ]
    assert scene.store.samples() == 198
    assert len(scene.store.posts) < 25, "halving, not one by one"


def test_one_field_in_conflict_costs_one_sample() -> None:
    scene = Scene(FakeStore(bad=lambda line: b"a=" in line))
    refused = scene.deliver(lines(3))
    assert [refusal.line for refusal in refused] == [b"fire_pump,site=hq,equipment=fp-1 a=%d.0 %d" % (n, n) for n in range(3)]
    assert scene.store.samples() == 3


def test_a_field_the_store_names_is_from_then_on_sent_alone() -> None:
    class Naming(FakeStore):
        async def post(self, lines: Sequence[bytes]) -> Answer:
            answer = await super().post(lines)
            if answer.verdict is not Verdict.BAD_LINES:
                return answer
            whole = all(line.startswith(b"fire_pump") and b" a=" in line and b"b=" not in line for line in lines)
            return Answer(Verdict.ALL_BAD if whole else Verdict.BAD_LINES, answer.text, conflict=("fire_pump", "a"))

    scene = Scene(Naming(bad=lambda line: b"a=" in line))
    assert len(scene.deliver(lines(50))) == 50
    assert scene.store.posts == [50, 50, 50], "the body, then without the field, then the field"
    assert len(scene.deliver(lines(50))) == 50
    assert scene.store.posts[3:] == [50, 50]
    assert scene.store.samples() == 50


def test_a_store_that_names_a_field_we_never_sent_is_searched_by_halves() -> None:
    class Wrong(FakeStore):
        async def post(self, lines: Sequence[bytes]) -> Answer:
            answer = await super().post(lines)
            return Answer(answer.verdict, answer.text, conflict=("fire_pump", "stranger"))

    scene = Scene(Wrong(bad=lambda line: b" 3" in line))
    assert len(scene.deliver(lines(5))) == 2
    assert scene.store.samples() == 8


def test_names_with_escapes_are_recognised_among_our_own_lines() -> None:
    line = rb"fire\ pump\,x,site=hq a\ b\=c=1.0,d=2.0 5"
    conflict = conflict_of("fire pump,x", "a b=c")
    assert parted([line], {conflict}) == ([rb"fire\ pump\,x,site=hq d=2.0 5"], [rb"fire\ pump\,x,site=hq a\ b\=c=1.0 5"])
    assert parted([line], {(b"other", b"d")}) == ([line], [])


def test_a_body_too_large_is_sent_in_halves() -> None:
    scene = Scene(FakeStore(most_lines=10))
    assert scene.deliver(lines(35)) == []
    assert scene.store.samples() == 70


def test_a_body_that_is_bad_as_a_whole_is_not_searched() -> None:
    scene = Scene(FakeStore())
    scene.store.instead.append(Answer(Verdict.ALL_BAD, "400: points beyond retention policy dropped=50"))
    assert len(scene.deliver(lines(50))) == 50
    assert scene.store.posts == [50]


def test_a_store_that_is_away_is_asked_again_with_growing_pauses_up_to_a_minute() -> None:
    scene = Scene(FakeStore())
    scene.store.instead.extend([LATER] * 12)
    assert scene.deliver(lines(1)) == []
    assert scene.pauses == [1, 2, 4, 8, 16, 32, *[LONGEST_PAUSE_S] * 6]
    assert scene.told == [("store_down", "503: away"), ("store_down_over", "")]


def test_retry_after_is_kept_to() -> None:
    scene = Scene(FakeStore())
    scene.store.instead.extend([Answer(Verdict.LATER, "429: slow down", 7.0), LATER, Answer(Verdict.LATER, "503", 0.0)])
    scene.deliver(lines(1))
    assert scene.pauses == [7.0, 2.0, 0.0]
    assert scene.told == []


def test_a_refusal_is_told_at_once_and_taken_back() -> None:
    scene = Scene(FakeStore())
    scene.store.instead.extend([REFUSED] * 5)
    scene.deliver(lines(1))
    assert scene.told == [("store_refused", "401: unauthorized"), ("store_refused_over", "")]
    assert scene.store.samples() == 2


def test_a_string_with_commas_and_spaces_is_not_taken_apart() -> None:
    scene = Scene(FakeStore(bad=lambda line: line.startswith(b"quality")))
    line = b'quality,site=hq,equipment=fp-1,point=a code=1.0,word="no, answer" 1'
    assert [refusal.line for refusal in scene.deliver([line])] == [line]
