"""The generated dashboards are current, whole and bounded; nothing else needs the Grafana SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import build, influxql
from dashboards.grafana.layout import ROWS
from dashboards.grafana.panels import queries_in
from plantroom.kinds import load_kind


@pytest.fixture(scope="module", params=build.LANGUAGES)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((build.FOLDER / f"plantroom-site-{request.param}.json").read_text())
    return made


def test_the_committed_dashboards_are_what_would_be_built_now() -> None:
    assert build.stale() == [], "run `plantroom dashboards build`"
    assert sorted(path.name for path in build.FOLDER.glob("*.json")) == sorted(build.files())


def test_a_changed_file_is_noticed_and_a_stray_one_goes(tmp_path: Path) -> None:
    assert len(build.write(tmp_path)) == len(build.LANGUAGES)
    (tmp_path / "plantroom-site-zh.json").write_text("{}")
    (tmp_path / "old.json").write_text("{}")
    assert build.stale(tmp_path) == ["plantroom-site-zh.json"]
    assert [path.name for path in build.write(tmp_path)] == ["plantroom-site-zh.json"]
    assert not (tmp_path / "old.json").exists()


def test_every_query_of_samples_is_bounded_and_grouped_by_time(board: dict[str, Any]) -> None:
    for where, query in queries_in(board):
        if query.startswith("SHOW"):
            continue
        assert "$timeFilter" in query, where
        if 'FROM "fault"' not in query:
            assert "GROUP BY time($__interval)" in query, where
        assert '"site" =~ /^${site:regex}$/' in query, where


def test_every_panel_has_a_place_a_title_and_the_chosen_source(board: dict[str, Any]) -> None:
    places = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & places, panel["title"]
        places |= cells
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${store}"
            assert panel["targets"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_kind_of_the_layout_has_its_variable_and_row(board: dict[str, Any]) -> None:
    names = {variable["name"] for variable in board["templating"]["list"]}
    assert names == {"store", "site", *ROWS}
    assert sum(panel["type"] == "row" for panel in board["panels"]) == len(ROWS) + 1


def test_codes_are_shown_in_the_kind_files_words(board: dict[str, Any]) -> None:
    (panel,) = (panel for panel in board["panels"] if panel["title"] in ("运行方式", "Car mode"))
    (override,) = panel["fieldConfig"]["overrides"]
    words = override["properties"][0]["value"][0]["options"]
    codes = load_kind("elevator").points["car_mode"].codes
    assert {name: int(code) for code, name in ((code, word["text"]) for code, word in words.items())} == dict(codes)


def test_a_variable_without_a_value_is_refused() -> None:
    assert influxql.substituted("a ${site:regex} $timeFilter $__interval", {"site": "(a|b)"}, 1, 2, "10s") == (
        "a (a|b) time >= 1ms and time <= 2ms 10s"
    )
    with pytest.raises(ValueError, match="without a value"):
        influxql.substituted("a $other", {}, 1, 2, "10s")


def test_without_the_grafana_extra_everything_else_works_and_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None\n"
        "from plantroom.cli import main\n"
        "main(['dashboards', 'build', '--check'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'plantroom[grafana]'" in done.stderr
