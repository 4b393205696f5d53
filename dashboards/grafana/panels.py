"""Panels from the foundation SDK: a trend, states over time, the faults. Imports the `grafana` extra; nothing else in the service does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from grafana_foundation_sdk.builders import common, statetimeline, table, timeseries
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as cm
from grafana_foundation_sdk.models import dashboard as dm

from dashboards.grafana import influxql
from dashboards.grafana.layout import TITLES, States, Trend
from plantroom.kinds import Kind, KindPoint, PointType

SOURCE = dm.DataSourceRef(type_val="influxdb", uid=f"${{{influxql.STORE}}}")

# units of the kind files as Grafana writes them; another one stands behind the number as it is
UNITS = {
    "%": "percent", "%RH": "humidity", "A": "amp", "bar": "pressurebar", "degC": "celsius", "h": "h", "Hz": "hertz", "kPa": "pressurekpa",
    "kVA": "kvoltamp", "kvar": "kvoltampreact", "kW": "kwatt", "kWh": "kwatth", "L": "litre", "m": "lengthm", "m/s": "velocityms",
    "m3/h": "flowcmh", "mm": "lengthmm", "Pa": "pressurepa", "ppm": "ppm", "rpm": "rotrpm", "s": "s", "V": "volt",
}  # fmt: skip

HEIGHT = 8
GAP_MS = 5 * 60_000  # states are held over holes up to this: a point read once a minute is no gap
FAULT_GAP_MS = 3 * 60_000  # an open fault is said again each minute


class InfluxQuery(variants.Dataquery):
    """A target of Grafana's InfluxDB data source in InfluxQL, which the SDK has no model for."""

    def __init__(self, ref: str, query: str, alias: str | None = None, form: str = "time_series") -> None:
        self._fields = {"refId": ref, "query": query, "rawQuery": True, "resultFormat": form} | ({"alias": alias} if alias else {})

    def to_json(self) -> dict[str, object]:
        return {"datasource": SOURCE.to_json(), **self._fields}


class Target(Builder[InfluxQuery]):
    def __init__(self, ref: str, query: str, alias: str | None = None, form: str = "time_series") -> None:
        self._query = InfluxQuery(ref, query, alias, form)

    def build(self) -> InfluxQuery:
        return self._query


def trend(kind: Kind, panel: Trend, language: str) -> timeseries.Panel:
    """A line for each equipment and point; the axis has the first point's unit, others of another unit their own."""
    points = [_point(kind, name) for name in panel.points]
    built = (
        timeseries.Panel()
        .title(getattr(panel, language))
        .datasource(SOURCE)
        .height(HEIGHT)
        .span(panel.width)
        .unit(unit_of(points[0]))
        .line_width(1)
        .fill_opacity(0)
        .span_nulls(False)
        .tooltip(common.VizTooltipOptions().mode(cm.TooltipDisplayMode.MULTI))
        .legend(common.VizLegendOptions().display_mode(cm.LegendDisplayMode.LIST).placement(cm.LegendPlacement.BOTTOM).show_legend(True))
    )
    for number, point in enumerate(points):
        ref = _ref(number)
        alias = f"$tag_equipment {point.says[language]}"
        built = built.with_target(Target(ref, influxql.series(kind.name, point.name, "mean"), alias))
        if point.unit != points[0].unit:
            built = built.override_by_query(ref, [dm.DynamicConfigValue(id_val="unit", value=unit_of(point))])
    return built


def states(kind: Kind, panel: States, language: str) -> statetimeline.Panel:
    """A bar for each equipment and point, its codes in words."""
    built = _timeline(getattr(panel, language), panel.width, GAP_MS)
    for number, name in enumerate(panel.points):
        point, ref = _point(kind, name), _ref(number)
        alias = f"$tag_equipment {point.says[language]}"
        built = built.with_target(Target(ref, influxql.series(kind.name, name, "last"), alias))
        if words := _words(point, panel.alarm, language):
            built = built.override_by_query(ref, [dm.DynamicConfigValue(id_val="mappings", value=[dm.ValueMap(words)])])
    return built


def faults_over_time(language: str) -> statetimeline.Panel:
    words = {"1": _word(TITLES["open"][language], "red"), "0": _word(TITLES["ended"][language], "green")}
    return (
        _timeline(TITLES["over_time"][language], 24, FAULT_GAP_MS)
        .mappings([dm.ValueMap(words)])
        .with_target(Target("A", influxql.faults_over_time(), "$tag_equipment $tag_rule"))
    )


def fault_list(language: str) -> table.Panel:
    words = {"1": _word(TITLES["open"][language], "red"), "0": _word(TITLES["ended"][language], "green")}
    return (
        table.Panel()
        .title(TITLES["list"][language])
        .datasource(SOURCE)
        .height(HEIGHT)
        .span(12)
        .override_by_name("open", [dm.DynamicConfigValue(id_val="mappings", value=[dm.ValueMap(words)])])
        .with_target(Target("A", influxql.newest_faults(language), form="table"))
    )


def quality_changes(language: str) -> statetimeline.Panel:
    return _timeline(TITLES["quality"][language], 12, True).with_target(
        Target("A", influxql.bad_points(), "$tag_equipment.$tag_point")
    )


def unit_of(point: KindPoint) -> str:
    """Grafana's name of a point's unit."""
    return UNITS.get(point.unit, f"suffix: {point.unit}") if point.unit else "none"


def _timeline(title: str, width: int, gap: bool | int) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .title(title)
        .datasource(SOURCE)
        .height(HEIGHT)
        .span(width)
        .merge_values(True)
        .show_value(cm.VisibilityMode.AUTO)
        .span_nulls(gap)
        .fill_opacity(70)
        .line_width(0)
    )


def _point(kind: Kind, name: str) -> KindPoint:
    """Raises KeyError naming kind and point: the layout says what no kind file has."""
    if name not in kind.points:
        raise KeyError(f"dashboards/grafana/layout.py: {kind.name} has no point {name}")
    return kind.points[name]


def _words(point: KindPoint, alarm: bool, language: str) -> dict[str, dm.ValueMappingResult]:
    if point.type is PointType.BOOL:
        on, off = ("alarm", "quiet") if alarm else ("on", "off")
        colours = ("red", "green") if alarm else ("blue", "text")
        return {"1": _word(TITLES[on][language], colours[0]), "0": _word(TITLES[off][language], colours[1])}
    if point.type is PointType.ENUM:
        return {str(code): _word(name) for name, code in point.codes.items()}
    return {}


def _word(text: str, colour: str | None = None) -> dm.ValueMappingResult:
    return dm.ValueMappingResult(text=text, color=colour)


def _ref(number: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number]


def queries_in(board: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(where, InfluxQL) of every query a dashboard's JSON holds: panels, variables, annotations."""
    for panel in board["panels"]:
        for inner in (panel, *panel.get("panels", ())):
            for target in inner.get("targets", ()):
                yield f"{inner['title']}/{target['refId']}", target["query"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"${variable['name']}", variable["query"]
    for annotation in board["annotations"]["list"]:
        if "query" in annotation:
            yield f"annotation {annotation['name']}", annotation["query"]
