"""`run`: a bad site file never stops a building that has been configured once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plantroom import bundle
from plantroom.clock import SystemClock
from plantroom.errors import BadInput
from plantroom.journal import Journal, Kind
from plantroom.run_command import AppliedFiles, apply_or_go_on

GOOD = """
site: {id: hq, name: Tower, zone: Asia/Shanghai, language: en}
equipment:
  - {id: ahu-1, kind: ahu, name: AHU 1}
"""


@pytest.fixture(autouse=True)
def no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "checks", dict)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(GOOD)
    return path


def newest(data: Path, kind: Kind) -> dict[str, object] | None:
    with Journal(data / "hq" / "journal", SystemClock()).reader() as reader:
        record = reader.last_of(kind)
        return orjson.loads(record.body) if record is not None else None


def test_a_good_file_is_applied(site: Path, tmp_path: Path) -> None:
    name, journal = apply_or_go_on(site, tmp_path / "data")
    assert (name, journal.folder) == ("hq", tmp_path / "data" / "hq" / "journal")
    config = newest(tmp_path / "data", Kind.CONFIG)
    assert config is not None and config["who"] == "run"


@pytest.mark.parametrize("broken", [GOOD.replace("kind: ahu", "kind: spaceship"), "site: [nonsense", ""])
def test_a_file_gone_bad_goes_on_with_what_was_applied_and_says_so(site: Path, tmp_path: Path, broken: str) -> None:
    data = tmp_path / "data"
    apply_or_go_on(site, data)
    site.write_text(broken)
    assert apply_or_go_on(site, data)[0] == "hq"
    said = newest(data, Kind.EVENT)
    assert said is not None and said["event"] == "config_rejected"
    assert said["file"] == str(site)
    assert isinstance(said["problems"], list) and "site.yaml" in said["problems"][0]


def test_a_file_that_was_never_good_is_bad_input(site: Path, tmp_path: Path) -> None:
    site.write_text(GOOD.replace("kind: ahu", "kind: spaceship"))
    with pytest.raises(BadInput, match="spaceship"):
        apply_or_go_on(site, tmp_path / "data")
    assert not (tmp_path / "data" / ".none").exists()


def test_a_torn_list_of_applied_files_is_begun_anew(site: Path, tmp_path: Path) -> None:
    (tmp_path / "sites.json").write_text("{")
    names = AppliedFiles(tmp_path)
    assert names.get(site) is None
    names.put(site, "hq")
    assert names.get(site) == "hq"


def test_a_disk_that_takes_no_list_of_applied_files_stops_no_start(site: Path, tmp_path: Path) -> None:
    """`run` on a full disk, as after a power cut: what is known is not written again, what cannot be written is said."""
    apply_or_go_on(site, tmp_path / "data")
    (tmp_path / "data" / "sites.new").mkdir()  # what cannot be written, whoever tries
    assert apply_or_go_on(site, tmp_path / "data")[0] == "hq"
    other = tmp_path / "other.yaml"
    other.write_text(GOOD)
    assert apply_or_go_on(other, tmp_path / "data")[0] == "hq"
