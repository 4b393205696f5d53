"""A few counters of each site as Prometheus text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from dashboards.console.events import Hub
from dashboards.console.sites import SiteView
from dashboards.console.tables import OPEN_STATES, SEVERITIES
from plantroom.clock import NS

Row = tuple[dict[str, str], float]


def exposition(views: Sequence[SiteView], hub: Hub, now_ns: int) -> str:
    faults: list[Row] = []
    orders: list[Row] = []
    pages: list[Row] = []
    lag: list[Row] = []
    age: list[Row] = []
    points: list[Row] = []
    seqs: list[Row] = []
    for view in views:
        open_ = Counter(fault.severity for fault in view.tables.open_faults(100_000))
        faults += [({"site": view.id, "severity": severity}, open_[severity]) for severity in SEVERITIES]
        states = Counter(order.state for order in view.tables.open_orders(100_000))
        orders += [({"site": view.id, "state": state}, states[state]) for state in OPEN_STATES]
        pages += [({"site": view.id, "state": state}, count) for state, count in view.tables.outbox_counts().items()]
        seq, at_ns = view.tables.position()
        seqs += [({"site": view.id, "of": "journal"}, view.read_seq), ({"site": view.id, "of": "engine"}, seq)]
        if at_ns:
            lag.append(({"site": view.id}, max(0.0, (now_ns - at_ns) / NS)))
        if newest := view.latest.newest_ns():
            age.append(({"site": view.id}, max(0.0, (now_ns - newest) / NS)))
        points.append(({"site": view.id}, len(view.latest)))
    families: tuple[tuple[str, str, list[Row]], ...] = (
        ("plantroom_open_faults", "Open faults by severity.", faults),
        ("plantroom_orders", "Orders not closed, by state.", orders),
        ("plantroom_pages", "Pages by state.", pages),
        ("plantroom_engine_lag_seconds", "Age of the last record the engine has applied.", lag),
        ("plantroom_newest_sample_age_seconds", "Age of the newest sample of all.", age),
        ("plantroom_points_seen", "Points with a value since the console looks.", points),
        ("plantroom_seq", "Journal records read by the console, applied by the engine.", seqs),
        ("plantroom_event_streams", "Open event streams.", [({}, len(hub))]),
        ("plantroom_event_streams_dropped", "Streams dropped because the client did not read.", [({}, hub.dropped)]),
    )
    return "".join(_family(name, text, rows) for name, text, rows in families)


def _family(name: str, text: str, rows: Iterable[Row]) -> str:
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    for labels, value in rows:
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
