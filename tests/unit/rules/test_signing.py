"""K-5: a period's figures are signed once, frozen, corrected by a further revision that says what it changes."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.clock import iso
from rules.rows import as_json
from tests.kit.engine import Kit

BOSS: dict[str, Any] = {"who": "boss", "roles": ["technician", "manager"]}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = Kit(tmp_path)  # noon UTC of 2026-11-21
    made.configure()
    made.tick()
    made.run()
    yield made
    made.close()


def answer(kit: Kit, value: float = 0.97, **more: object) -> str:
    figure = {"id": "K-2", "system": "all", "numerator": 97, "denominator": 100, "value": value}
    found = {"period": "2026-10", "first": "2026-10-01", "end": "2026-11-01", "zone": "Asia/Shanghai", "as_of": iso(kit.clock.read().wall_ns - 10**9)}
    return orjson.dumps({**found, "figures": [figure], **more}).decode()


def test_what_is_signed_stands_with_its_hash_in_the_chronicle(kit: Kit) -> None:
    text = answer(kit)
    assert kit.command("sign_period", "2026-10", **BOSS, figures=text) == "ok"
    [(revision, who, hash_, kept, changed)] = kit.rows("SELECT revision, who, hash, figures_json, changed_json FROM signed_period")
    assert (revision, who, kept, changed) == (1, "boss", as_json(orjson.loads(text)), "[]")
    assert hash_ == sha256(kept.encode()).hexdigest()
    [told] = [orjson.loads(body) for (body,) in kit.rows("SELECT body FROM chronicle WHERE kind = 'period.signed'")]
    assert told["hash"] == hash_ and told["period"] == "2026-10"


def test_a_correction_gives_its_reason_and_says_what_it_changes(kit: Kit) -> None:
    first = answer(kit)
    assert kit.command("sign_period", "2026-10", **BOSS, figures=first) == "ok"
    assert kit.command("sign_period", "2026-10", **BOSS, figures=first, reason="x") == "period_signed_already"
    assert kit.command("sign_period", "2026-10", **BOSS, figures=answer(kit, 0.96)) == "argument", "without a reason"
    assert kit.command("sign_period", "2026-10", **BOSS, figures=answer(kit, 0.96), reason="张三补录") == "ok"
    rows = kit.rows("SELECT revision, changed_json FROM signed_period ORDER BY revision")
    assert rows == [(1, "[]"), (2, '[["K-2","all",[97,100,0.97],[97,100,0.96]]]')]
    assert kit.one("SELECT p.text FROM signed_period s JOIN private p ON p.id = s.reason") == "张三补录"
    assert "张三".encode() not in b"".join(body for (body,) in kit.rows("SELECT body FROM chronicle"))


def test_what_cannot_be_signed_is_refused_and_changes_nothing(kit: Kit) -> None:
    good = answer(kit)
    november = answer(kit, period="2026-11", first="2026-11-01", end="2026-12-01")
    early = answer(kit, as_of="2026-10-31T00:00:00Z")
    later = answer(kit, as_of="2027-10-31T00:00:00Z")
    wrong = [
        ("role_may_not", "2026-10", good, {"who": "li.wei", "roles": ["technician", "engineer"]}),
        ("period_runs", "2026-11", november, BOSS),
        ("period_runs", "2026-10", early, BOSS),
        ("period_runs", "2026-10", later, BOSS),
        ("argument", "2026-09", good, BOSS),
        ("argument", "nonsense", good, BOSS),
        ("argument", "2026-10", "", BOSS),
        ("argument", "2026-10", "[]", BOSS),
        ("argument", "2026-10", "{not json", BOSS),
        ("argument", "2026-10", answer(kit, figures=[{"id": 1}]), BOSS),
        ("argument", "2026-10", answer(kit, as_of=7), BOSS),
        ("argument", "2026-10", answer(kit, note="x" * 70_000), BOSS),
    ]
    for code, target, figures, who in wrong:
        assert kit.command("sign_period", target, **who, figures=figures) == code, (target, figures[:80])
    assert kit.one("SELECT count(*) FROM signed_period") == 0


def test_computed_again_and_after_a_restart_it_is_the_same(kit: Kit) -> None:
    kit.command("sign_period", "2026-10", **BOSS, figures=answer(kit))
    kit.tick()
    kit.command("sign_period", "2026-10", **BOSS, figures=answer(kit, 0.9), reason="x")
    kit.run()
    stands = kit.dump()
    assert len(stands["signed_period"]) == 2
    assert kit.again("again.db", [3]) == stands and kit.restarted(3, 4) == stands
