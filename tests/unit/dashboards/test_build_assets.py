"""The fetch of third-party files: complete or not at all, and never in the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboards.console import build_assets
from dashboards.console.assets import MANIFEST, Assets

CONSOLE = Path(build_assets.__file__).parent


def test_every_package_is_locked_with_its_hash_and_names_no_host() -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert all("resolved" not in one for one in packages.values())


def test_what_is_fetched_is_what_is_served() -> None:
    vendored = {f"vendor/{name}" for name in build_assets.WANTED.values() if not name.endswith(".txt")}
    assert vendored <= set(MANIFEST)


def test_a_failed_fetch_says_why_and_stops_nothing_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_assets, "VENDOR", tmp_path / "vendor")
    monkeypatch.setattr(build_assets, "STAMP", tmp_path / "vendor" / ".lock")

    def no_network(command: list[str], folder: Path) -> None:
        raise build_assets.CannotFetch("npm ended with 1: no network")

    monkeypatch.setattr(build_assets, "run", no_network)
    assert build_assets.main([]) == 0
    assert build_assets.main(["--strict"]) == 1
    assert "no network" in capsys.readouterr().err
    assert not (tmp_path / "vendor").exists()


def test_a_changed_lock_file_is_fetched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_assets, "VENDOR", tmp_path)
    monkeypatch.setattr(build_assets, "STAMP", tmp_path / ".lock")
    for name in build_assets.WANTED.values():
        (tmp_path / name).write_text("x")
    assert not build_assets.built()
    (tmp_path / ".lock").write_text(build_assets.lock_hash())
    assert build_assets.built()
    (tmp_path / ".lock").write_text("of before")
    assert not build_assets.built()


def test_the_pages_own_files_are_small_and_there() -> None:
    assets = Assets()
    for name, most, on_the_wire in (("console.css", 26_000, 6_500), ("console.js", 10_000, 3_000), ("chart.js", 8_000, 3_000)):
        asset = assets.get(name)
        assert asset is not None
        assert len(asset.body) <= most and len(asset.packed) <= on_the_wire, name
        assert asset.tag in assets.url(name)


def test_missing_third_party_files_leave_the_rest(tmp_path: Path) -> None:
    (tmp_path / "console.css").write_text("a {}")
    assets = Assets(tmp_path)
    assert "console.css" in assets
    assert "vendor/uplot.js" not in assets
