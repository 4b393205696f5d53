"""The engine judges who may give a command: by role, and a firm's people only about their machines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.firms import own_machines
from plantroom.roles import DEEDS, MAY, ROLES, Permission, Role
from rules import deeds
from rules.standing import CODES
from tests.kit.engine import Kit, pump, site_text

FIRM = """
people:
  - {id: liu, name: 刘工, roles: [vendor], firm: 通力电梯}
  - {id: sun, name: 孙工, roles: [vendor], firm: 别家}
  - {id: zhou, name: 周工, roles: [third_party], firm: 通力电梯}
  - {id: wei, name: 魏工, roles: [technician], firm: 通力电梯}
"""
MISSING = {"unknown_person", "unknown_order", "unknown_fault", "unknown_equipment", "unknown_team", "unknown_change", "unknown_handover", "unknown_page", "unknown_task", "argument"}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    """The second pump is looked after by the firm of liu."""
    made = Kit(tmp_path)
    theirs = pump(2).rstrip() + "\n    ledger: {supplier: 水泵厂, maintained_by: [消防公司, 通力电梯]}\n"
    made.configure(site_text(pump(1), theirs) + FIRM)
    made.tick()
    yield made
    made.close()


def order_on(kit: Kit, number: int) -> str:
    kit.stay(8, pump=number, phase_loss=1)
    kit.run()
    return str(kit.one("SELECT id FROM work_order WHERE equipment = ?", f"fp-{number}"))


def test_every_deed_of_the_engine_names_what_it_needs() -> None:
    known = {*deeds.ORDER_STEPS, *deeds._OTHERS}
    assert known - DEEDS.keys() == {"received"}, "it comes by a link, whose person the handler asks for"
    assert DEEDS.keys() <= known


def test_a_role_may_what_the_list_says_and_is_refused_the_rest_before_anything_else(kit: Kit) -> None:
    """The targets do not exist: who may gets that said, who may not learns not even this."""
    for role, does in itertools.product(Role, sorted(DEEDS)):
        said = kit.command(does, "X0-0", roles=ROLES[role])
        needed = Permission.WORK if does == "attach" else DEEDS[does]  # to what is no task
        no = CODES.get(needed, "role_may_not")
        if needed not in MAY[role]:
            assert said == no, (role, does)
        elif role in (Role.VENDOR, Role.THIRD_PARTY):
            assert said == "not_of_your_firm", does
        else:
            assert said in MISSING or (does, said) == ("hand_over", "unknown_team"), (role, does, said)


def test_roles_that_are_none_or_no_word_of_ours_do_nothing(kit: Kit) -> None:
    order = order_on(kit, 1)
    for roles in ([], ["nobody"], ["viewer", "third_party"], ["Technician"]):
        assert kit.command("accept", order, roles=roles) == "role_may_not"
    assert kit.one("SELECT state FROM work_order") == "open"
    assert kit.command("accept", order, roles=["technician"]) == "ok", "the control"


def test_a_firms_people_work_on_the_machines_it_looks_after_and_on_no_other(kit: Kit) -> None:
    house, theirs = order_on(kit, 1), order_on(kit, 2)
    for does in ("accept", "arrive", "restore", "hold", "comment"):
        said = {"text": "x", "reason": "x", "told": "x"}
        assert kit.command(does, house, "liu", ["vendor"], **said) == "not_of_your_firm"
        assert kit.command(does, theirs, "sun", ["vendor"], **said) == "not_of_your_firm"
        assert kit.command(does, theirs, "nobody.known", ["vendor"], **said) == "not_of_your_firm"
        assert kit.command(does, theirs, "zhou", ["third_party"], **said) == "role_may_not"
    assert [kit.command(does, theirs, "liu", ["vendor"]) for does in ("accept", "arrive", "restore")] == ["ok"] * 3
    assert kit.command("close", theirs, "liu", ["vendor"], cause="x") == "role_may_not", "nor by a firm: our side confirms"
    assert kit.command("accept", house, "wei", ["technician"]) == "ok", "one of the house may more than their firm"


def test_whose_a_machine_is_stands_in_its_ledger_for_people_of_a_firm_who_are_vendors(kit: Kit) -> None:
    kit.run()
    site = kit.engine.house.site
    found = {name: own_machines(site, name) for name in ("liu", "sun", "zhou", "wei", "nobody.known")}
    assert found == {"liu": {"fp-2"}, "sun": set(), "zhou": set(), "wei": set(), "nobody.known": set()}
