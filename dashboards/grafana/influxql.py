"""InfluxQL for dashboards: every query bounded in time and grouped by time, one site, chosen equipment. 1.x, 2.x and 3.x answer it."""

from __future__ import annotations

import re
from collections.abc import Mapping

STORE = "store"  # the variable that holds the data source
SITE = "site"


def series(kind: str, point: str, function: str, fill: str = "null") -> str:
    """One point of every chosen equipment of a kind over time. function: mean | last | max."""
    return (
        f'SELECT {function}("{point}") FROM "{kind}" WHERE {_of(kind)} AND $timeFilter'
        f' GROUP BY time($__interval), "equipment" fill({fill})'
    )


def faults_over_time() -> str:
    return (
        f'SELECT last("open") FROM "fault" WHERE {_site()} AND $timeFilter'
        ' GROUP BY time($__interval), "equipment", "rule" fill(null)'
    )


def newest_faults(language: str) -> str:
    """A row for each fault of the range, with its words and whether it is open at the end of it."""
    return (
        f'SELECT last("open") AS "open", "{language}" AS "text", "id" AS "id" FROM "fault" WHERE {_site()} AND $timeFilter'
        ' GROUP BY "equipment", "rule", "severity"'
    )


def fault_marks(language: str) -> str:
    """For annotations: the instants at which faults were raised."""
    return f"""SELECT "{language}" AS "text", "equipment", "rule" FROM "fault" WHERE {_site()} AND "event" = 'raised' AND $timeFilter"""


def bad_points() -> str:
    return (
        f'SELECT max("code") FROM "quality" WHERE {_site()} AND $timeFilter'
        ' GROUP BY time($__interval), "equipment", "point" fill(none)'
    )


def sites() -> str:
    return 'SHOW TAG VALUES WITH KEY = "site"'


def equipment(kind: str) -> str:
    return f'SHOW TAG VALUES FROM "{kind}" WITH KEY = "equipment" WHERE {_site()}'


def substituted(query: str, values: Mapping[str, str], from_ms: int, to_ms: int, interval: str) -> str:
    """The query as Grafana sends it. values: what `${name:regex}` stands for, several joined as (a|b)."""
    text = query.replace("$timeFilter", f"time >= {from_ms}ms and time <= {to_ms}ms").replace("$__interval", interval)
    text = re.sub(r"\$\{(\w+):regex\}", lambda found: values[found[1]], text)
    if "$" in re.sub(r"\$/", "", text):
        raise ValueError(f"a variable without a value: {text}")
    return text


def _site() -> str:
    return f'"site" =~ /^${{{SITE}:regex}}$/'


def _of(kind: str) -> str:
    return f'{_site()} AND "equipment" =~ /^${{{kind}:regex}}$/'
