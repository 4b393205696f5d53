"""The dashboards as JSON files: built from the layout and the kind files, committed, provisioned by file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as dm
from grafana_foundation_sdk.models.common import TimeZoneBrowser

from dashboards.grafana import influxql, panels
from dashboards.grafana.layout import ROWS, TITLES, Panel, Trend
from plantroom.kinds import Kind, load_kind

FOLDER = Path(__file__).parent / "provisioned"
LANGUAGES = ("zh", "en")


def files() -> dict[str, str]:
    """Every dashboard by file name, as text that is the same on every machine."""
    return {f"plantroom-site-{language}.json": _text(site(language)) for language in LANGUAGES}


def write(folder: Path = FOLDER) -> list[Path]:
    """Writes what has changed; returns those files. A dashboard that is no longer built goes."""
    folder.mkdir(parents=True, exist_ok=True)
    built = files()
    for stray in folder.glob("*.json"):
        if stray.name not in built:
            stray.unlink()
    changed = [folder / name for name in stale(folder)]
    for path in changed:
        path.write_text(built[path.name])
    return changed


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the files that are not what would be built now."""
    return [name for name, text in files().items() if not (folder / name).exists() or (folder / name).read_text() != text]


def site(language: str) -> dict[str, Any]:
    """The dashboard of a site. Raises KeyError where the layout names a point no kind file has."""
    kinds = {name: load_kind(name) for name in ROWS}
    board = (
        dashboard.Dashboard(TITLES["dashboard"][language])
        .uid(f"plantroom-site-{language}")
        .tags(["plantroom", language])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone(TimeZoneBrowser)
        .tooltip(dm.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable(influxql.STORE).label(TITLES["store"][language]).type("influxdb"))
        .with_variable(_choice(influxql.SITE, TITLES["site"][language], influxql.sites(), several=False))
    )
    for kind in kinds.values():
        board = board.with_variable(_choice(kind.name, kind.says[language], influxql.equipment(kind.name), several=True))
    board = board.with_row(dashboard.Row(TITLES["faults"][language])).with_panel(panels.faults_over_time(language))
    board = board.with_panel(panels.fault_list(language)).with_panel(panels.quality_changes(language))
    for name, row in ROWS.items():
        board = board.with_row(dashboard.Row(kinds[name].says[language]))
        for panel in row:
            board = board.with_panel(_panel(kinds[name], panel, language))
    made: dict[str, Any] = json.loads(json.dumps(board.build(), cls=JSONEncoder))
    for number, panel in enumerate(made["panels"], 1):
        panel["id"] = number
    made["annotations"] = {"list": [_fault_marks(language)]}  # the SDK's annotation has no place for an InfluxQL query
    return made


def _panel(kind: Kind, panel: Panel, language: str) -> Any:
    return panels.trend(kind, panel, language) if isinstance(panel, Trend) else panels.states(kind, panel, language)


def _choice(name: str, label: str, query: str, *, several: bool) -> dashboard.QueryVariable:
    made = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(panels.SOURCE)
        .query(query)
        .refresh(dm.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dm.VariableSort.NATURAL_ASC)
        .multi(several)
        .include_all(several)
    )
    if not several:
        return made
    return made.all_value(".*").current(dm.VariableOption(selected=True, text="All", value="$__all"))


def _fault_marks(language: str) -> dict[str, object]:
    return {
        "name": TITLES["faults"][language],
        "datasource": panels.SOURCE.to_json(),
        "enable": True,
        "iconColor": "red",
        "query": influxql.fault_marks(language),
        "textColumn": "text",
        "tagsColumn": "equipment,rule",
    }


def _text(board: dict[str, Any]) -> str:
    return json.dumps(board, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
