"""Applied configurations: a record that stands alone, what changed in words, checks of the other packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from plantroom import bundle
from plantroom.bundle import Checked
from plantroom.clock import VirtualClock
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal
from plantroom.journal.record import Entry, Kind, Record
from plantroom.site import Site

SITE = """
site: {id: hq, name: HQ, zone: Europe/Berlin, language: en}
connections:
  - {id: bus-1, modbus_tcp: {host: 127.0.0.1}}
devices:
  - {id: io-1, profile: generic-32di, connection: bus-1, unit: 9}
equipment:
  - {id: p-1, kind: pump, name: Pump 1, points: [{device: io-1, take: {di_1: running}}]}
  - {id: ahu-1, kind: ahu}
"""
Apply = Callable[..., Record | None]


def rules(site: Site) -> Checked:
    return Checked(files={"rules/pump/dry_run.yaml": "id: dry_run\n"})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "data" / "hq" / "journal", VirtualClock(1_772_380_800_000_000_000))


@pytest.fixture
def apply(tmp_path: Path, journal: Journal) -> Apply:
    def apply(text: str = SITE, check: bundle.Check = rules) -> Record | None:
        path = tmp_path / "hq.yaml"
        path.write_text(text, "utf-8")
        return bundle.apply(path, journal, "li.wei", env={}, by={"rules": check})

    return apply


def body(record: Record | None) -> dict[str, object]:
    assert record is not None and record.kind is Kind.CONFIG
    found = orjson.loads(record.body)
    assert isinstance(found, dict)
    return found


def test_a_record_holds_every_text_and_gives_the_site_back(apply: Apply, journal: Journal) -> None:
    said = body(apply())
    assert set(said) == {"hash", "who", "difference", "root", "files"}
    assert said["who"] == "li.wei" and said["root"] == "hq.yaml"
    files = said["files"]
    assert isinstance(files, dict)
    assert set(files) == {
        "hq.yaml", "profiles/generic-32di.yaml", "kinds/pump.yaml", "kinds/ahu.yaml", "kinds/monitor.yaml", "rules/pump/dry_run.yaml",
    }  # fmt: skip
    found = bundle.site_of(journal.reader())
    assert found is not None
    seq, site = found
    assert seq == 1 and site.hash == said["hash"] and site.files == files
    assert site.equipment["p-1"].bindings[0].source == "di_1"


def test_no_site_before_the_first(journal: Journal) -> None:
    assert bundle.site_of(journal.reader()) is None


def test_the_same_again_appends_nothing_and_a_changed_rule_does(apply: Apply, journal: Journal) -> None:
    apply()
    assert apply() is None
    assert journal.reader().last_seq() == 1
    said = body(apply(check=lambda site: Checked(files={"rules/pump/dry_run.yaml": "id: dry_run # tuned\n"})))
    assert said["difference"] == "files: changed rules/pump/dry_run.yaml"


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("", "", "only comments or layout changed"),
        ("name: Pump 1", "name: Feed pump", "equipment: changed p-1 (name)"),
        ("{di_1: running}", "{di_2: running, di_3: fault}", "equipment: changed p-1 (points)"),
        (
            "{id: ahu-1, kind: ahu}",
            "{id: ahu-1, kind: ats}",
            "equipment: changed ahu-1 (kind); files: added kinds/ats.yaml; files: removed kinds/ahu.yaml",
        ),
        ("{id: ahu-1, kind: ahu}", "{id: ahu-2, kind: ahu}", "equipment: added ahu-2, removed ahu-1"),
        ("unit: 9", "unit: 8", "devices: changed io-1"),
        ("name: HQ", "name: Head office", "changed the site's own settings"),
        ("equipment:", "rules: {off: {dry_run: tested by hand}}\nequipment:", "changed rules switched off"),
        (
            "equipment:",
            "people: [{id: li}]\nroster: {needs: {pump: a}, teams: {crew: {shifts: [{people: li, hours: 00:00-24:00}]}}}\nequipment:",
            "people: added li; teams: added crew; changed certificates needed; changed escalation",
        ),
    ],
)
def test_what_changed_is_said_by_id(apply: Apply, old: str, new: str, difference: str) -> None:
    assert body(apply())["difference"] == "first configuration"
    text = SITE.replace(old, new) if old else SITE + "# a comment\n"
    assert body(apply(text))["difference"] == difference


def test_a_chinese_site_is_told_in_chinese(apply: Apply) -> None:
    chinese = SITE.replace("language: en", "language: zh")
    apply(chinese)
    assert body(apply(chinese.replace("name: Pump 1", "name: 1号泵")))["difference"] == "设备: 变更 p-1 (名称)"


def test_bad_input_and_failed_checks_are_listed_and_nothing_is_appended(apply: Apply, journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean 'pump'"):
        apply(SITE.replace("kind: pump", "kind: pumpe"))
    problems = [Problem("rules/x.yaml", 3, "when", "unknown point")]
    with pytest.raises(BadInput, match="rules/x.yaml:3: when: unknown point"):
        apply(check=lambda site: Checked(problems))

    def raises(site: Site) -> Checked:
        raise BadInput(problems)

    with pytest.raises(BadInput, match="unknown point"):
        apply(check=raises)
    with pytest.raises(BadInput, match="another text under this path"):
        apply(check=lambda site: Checked(files={"kinds/pump.yaml": "mine"}))
    assert journal.reader().last_seq() == 0


def with_unreadable_kind(said: dict[str, object]) -> bytes:
    files = said["files"]
    assert isinstance(files, dict)
    return orjson.dumps({**said, "files": {**files, "kinds/pump.yaml": "kind: of old\n"}, "hash": "old"})


def append(journal: Journal, config: bytes) -> int:
    writer = journal.writer("apply")
    try:
        return writer.append([Entry(Kind.CONFIG, config)])[0]
    finally:
        writer.close()


def test_a_record_this_release_cannot_read_is_replaced_and_said(apply: Apply, journal: Journal) -> None:
    append(journal, with_unreadable_kind(body(apply())))
    assert "cannot be read by this release" in str(body(apply())["difference"])


@pytest.mark.parametrize("config", [with_unreadable_kind, lambda _: b"{", lambda _: b"[]", lambda _: b"{}", lambda _: b'{"root":"a","files":7}', lambda _: b'{"root":"a","files":{"a":"","b":1}}'])
def test_where_the_newest_record_cannot_be_read_the_one_before_it_holds(
    apply: Apply, journal: Journal, config: Callable[[dict[str, object]], bytes]
) -> None:
    """Collecting and paging go on with it; the seq is the newest's, so that no service waits for ever for what it has seen."""
    good = body(apply())
    newest = append(journal, config(good))
    found = bundle.site_of(journal.reader(), env={})
    assert found is not None and found[0] == newest and found[1].hash == good["hash"]
    assert "cannot be read by this release" in str(body(apply())["difference"]), "what its message advises helps"


def test_where_no_record_can_be_read_it_is_said(journal: Journal) -> None:
    append(journal, b"{}")
    with pytest.raises(BadInput, match="apply the site file again"):
        bundle.site_of(journal.reader(), env={})


def test_secrets_stay_references_in_the_record(apply: Apply, tmp_path: Path, journal: Journal) -> None:
    path = tmp_path / "hq.yaml"
    path.write_text(SITE + "channels: [{id: a, type: webhook, url: 'https://example.com', secret: '${KEY}'}]\n", "utf-8")
    record = bundle.apply(path, journal, "x", env={"KEY": "s3cret"}, by={})
    assert record is not None and b"s3cret" not in record.body and b"${KEY}" in record.body
    found = bundle.site_of(journal.reader(), env={"KEY": "s3cret"})
    assert found is not None and found[1].channels["a"].settings["secret"] == "s3cret"
    without = bundle.site_of(journal.reader(), env={})
    assert without is not None and "secret" not in without[1].channels["a"].settings


def test_problems_of_a_good_file_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "checks", lambda: {"rules": rules})
    path = tmp_path / "hq.yaml"
    path.write_text(SITE, "utf-8")
    assert bundle.problems_of(path, env={}) == []
    path.write_text(SITE + "x: 1\n", "utf-8")
    assert [problem.where for problem in bundle.problems_of(path, env={})] == ["x"]
