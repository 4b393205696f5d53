"""E-1: what is put to an order or a machine stands in the records and its hash in the chronicle; the same live and computed again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from plantroom.roles import ROLES, Role
from rules.rows import Evidence
from tests.kit.engine import Kit

A, B = "a" * 64, "b" * 64


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = Kit(tmp_path)
    made.configure()
    made.tick()
    made.stay(5, phase_loss=1)
    made.run()
    yield made
    made.close()


def attach(kit: Kit, target: str, hash_: str = A, about: str = "order", roles: tuple[str, ...] = ("technician",), **more: object) -> str:
    args = {"hash": hash_, "about": about, "kind": "jpeg", "bytes": 5, **more}
    return kit.command("attach", target, roles=roles, **args)


def test_the_hash_stands_in_the_chronicle_and_the_name_in_private(kit: Kit) -> None:
    order = kit.order()
    assert attach(kit, order, name="张三家的门.jpg") == "ok" and attach(kit, "fp-2", B, "equipment") == "ok"
    rows = kit.rows("SELECT hash, about, target, equipment, who, kind, bytes FROM evidence ORDER BY hash")
    assert rows == [(A, "order", order, "fp-1", "li.wei", "jpeg", 5), (B, "equipment", "fp-2", "fp-2", "li.wei", "jpeg", 5)]
    told = [orjson.loads(body) for (body,) in kit.rows("SELECT body FROM chronicle WHERE kind = 'evidence' ORDER BY n")]
    assert [each["hash"] for each in told] == [A, B]
    chronicle = b"".join(body for (body,) in kit.rows("SELECT body FROM chronicle"))
    assert "张三".encode() not in chronicle
    assert kit.one("SELECT p.text FROM private p JOIN evidence e ON e.name = p.id") == "张三家的门.jpg"


def test_whether_it_was_put_is_a_pure_read_also_within_the_same_commit(kit: Kit) -> None:
    desk, order = kit.engine.desk, kit.order()
    assert not desk.has_evidence(A)
    desk.begin(10_000, 1)
    desk.put_evidence(Evidence(B, "task", "T1-1", None, 10_000, 1, "x", "pdf", 5, None))
    assert desk.has_evidence(B) and desk.has_evidence(B, "task", "T1-1") and not desk.has_evidence(B, "order", order)
    attach(kit, order)
    assert desk.has_evidence(A, "order", order) and not desk.has_evidence(A, "equipment")


def test_what_cannot_be_is_refused_and_changes_nothing(kit: Kit) -> None:
    order = kit.order()
    assert attach(kit, order) == "ok" and attach(kit, order) == "already_attached"
    assert attach(kit, "O9-9") == "unknown_order" and attach(kit, "nothing", about="equipment") == "unknown_equipment"
    assert attach(kit, order, "../../x") == attach(kit, order, B, kind="svg") == attach(kit, order, B, bytes=0) == attach(kit, order, B, bytes="5") == "argument"
    assert attach(kit, order, B, "house") == "argument" and attach(kit, order, B, roles=("viewer",)) == "role_may_not"
    assert attach(kit, order, B, roles=ROLES[Role.VENDOR]) == "not_of_your_firm"
    assert kit.one("SELECT count(*) FROM evidence") == 1


def test_computed_again_in_pieces_it_is_the_same(kit: Kit) -> None:
    attach(kit, kit.order(), name="a.jpg")
    kit.tick(3600)
    kit.tick()
    attach(kit, "fp-2", B, "equipment")
    kit.tick(3600)
    kit.run()
    kit.engine.memory()
    assert kit.one("SELECT count(*) FROM seal") >= 3
    assert kit.again("again.db", [3, 8, len(kit.journal) - 2]) == kit.dump() == kit.again("whole.db", [])
    assert kit.restarted(6, len(kit.journal) - 1) == kit.dump()
