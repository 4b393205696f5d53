"""Test pages: one a day for each person on every channel they have, answered by a person, and who does not answer is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from plantroom.clock import NS
from tests.kit.engine import PEOPLE, RULES, Kit, event_text, peopled
from tests.kit.journals import NOON

TEN = NOON - 10 * 3600 * NS  # in Shanghai
WITH = {**{name: text for name, text in RULES.items() if "delivery_failed" not in name}, "rules/packs/monitor/contact_dead.yaml": event_text("contact_dead", "advisory")}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=TEN - 5 * NS)
    kit.configure(peopled(), WITH)
    yield kit
    kit.close()


def drilled(kit: Kit) -> list[tuple[str, str, int]]:
    kit.run()
    rows = kit.rows("SELECT person, channel, created_ns FROM outbox WHERE reason = 'test' ORDER BY created_ns, person, channel")
    return [(person, channel, round((at - TEN) / NS)) for person, channel, at in rows]


def test_everybody_with_an_address_has_one_a_day_at_the_hour(kit: Kit) -> None:
    everybody = [("chief", "app", 0), ("chief", "voice", 0), ("li.wei", "app", 0), ("li.wei", "voice", 0), ("wang.fang", "app", 0)]
    kit.ticks(20)
    assert drilled(kit) == everybody
    [words] = {row[0] for row in kit.rows("SELECT message_json FROM outbox WHERE person = 'chief'")}
    assert orjson.loads(words)["zh"] == ["【测试】呼叫测试 陈总", "10:00发出 请打开链接按“收到”"]
    kit.clock.advance(86_400 - 20)
    kit.ticks(20)
    assert [row[2] for row in drilled(kit)[5:]] == [86_400] * 5


def test_an_engine_that_comes_up_long_after_the_hour_leaves_it_for_tomorrow(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=TEN + 11 * 60 * NS)
    kit.configure(peopled(), WITH)
    kit.ticks(5)
    assert drilled(kit) == []
    kit.close()


def test_never_is_never(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=TEN - 5 * NS)
    kit.configure(peopled(PEOPLE + "  test: never\n"), WITH)
    kit.ticks(20)
    assert drilled(kit) == []
    kit.close()


def test_who_answers_none_of_theirs_within_an_hour_is_named_until_they_do(kit: Kit) -> None:
    kit.ticks(10)
    kit.run()
    page = {row[0]: row[1] for row in kit.rows("SELECT person, id FROM outbox WHERE reason = 'test' AND channel = 'app'")}
    assert kit.command("received", page["li.wei"], who="li.wei") == "ok"
    assert kit.command("received", page["wang.fang"], who="li.wei") == "unknown_page", "only the person it went to"
    assert kit.command("received", "P0-0", who="li.wei") == "unknown_page"
    kit.clock.advance(3600)
    kit.ticks(3)
    kit.run()
    assert kit.rows("SELECT rule, condition FROM fault WHERE rule = 'contact_dead'") == [("contact_dead", "active")]
    for person in ("wang.fang", "chief"):
        assert kit.command("received", page[person], who=person) == "ok"
    kit.ticks(3)
    kit.run()
    assert kit.rows("SELECT condition FROM fault WHERE rule = 'contact_dead'") == [("cleared",)]
    answered = kit.rows("SELECT person FROM outbox WHERE answered_ns IS NOT NULL ORDER BY person")
    assert answered == [("chief",), ("li.wei",), ("wang.fang",)]


def test_one_may_be_asked_for_at_any_time(kit: Kit) -> None:
    assert kit.command("test_page", "chief") == "role_may_not", "not by everybody"
    assert kit.command("test_page", "chief", roles=["admin"]) == "ok"
    assert [row[:2] for row in drilled(kit)] == [("chief", "app"), ("chief", "voice")]
    assert kit.command("test_page", "nobody", roles=["admin"]) == "unknown_person"


def test_a_restart_knows_who_was_tested_and_a_set_clock_makes_no_second_round(kit: Kit) -> None:
    kit.ticks(10)
    kit.clock.step_wall(30)
    kit.ticks(5)
    before = drilled(kit)
    kit.engine.memory()
    expected = kit.dump()
    assert kit.again("again.db", [len(kit.journal) // 2]) == expected
    assert len(before) == 5
