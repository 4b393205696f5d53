"""The last maintenance of a machine (L-1): what Plantroom has on record itself, then what the ledger brought along, marked as such.

SOURCES is the seam: whatever else records work on a machine is one more function there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards.console import plan
from dashboards.console.sites import SiteView
from plantroom.clock import at_utc
from plantroom.ledger.reading import MOST_RECORDS
from plantroom.site import Equipment

LOOKED_AT = 60  # newest tasks, rounds among them


@dataclass(frozen=True, slots=True)
class Work:
    """on: ISO day of the site, or as precise as it is known. text: by language. link: a path of the console, "" for what was imported."""

    on: str
    text: dict[str, str]
    who: str | None = None
    link: str = ""

    @property
    def imported(self) -> bool:
        return not self.link


def of_orders(view: SiteView, machine: Equipment) -> Sequence[Work]:
    """Orders on which somebody has restored it; what went away by itself is no maintenance."""
    found = []
    for id_, text, restored_ns, by in view.tables.last_restored(machine.id, MOST_RECORDS):
        day = at_utc(restored_ns).astimezone(view.zone).date().isoformat()
        found.append(Work(day, text, by, f"/orders/{id_}"))
    return found


def of_plan(view: SiteView, machine: Equipment) -> Sequence[Work]:
    """Tasks of its own that were done; a round that passed it is no maintenance."""
    found = []
    for task in view.tables.plan_tasks(["done"], machine.id, most=LOOKED_AT, newest=True):
        if task.subject == machine.id and task.ended_ns is not None:
            day = at_utc(task.ended_ns).astimezone(view.zone).date().isoformat()
            names = plan.name_of(plan.job_of(view, task), task)
            found.append(Work(day, dict(names), task.ended_by, f"/plan/tasks/{task.id}"))
    return found


def of_ledger(view: SiteView, machine: Equipment) -> Sequence[Work]:
    return [Work(record.on, {"zh": record.what, "en": record.what}) for record in machine.records]


SOURCES: tuple[Callable[[SiteView, Equipment], Sequence[Work]], ...] = (of_orders, of_plan, of_ledger)


def last_records(view: SiteView, machine: Equipment) -> list[Work]:
    """Newest first, three at most; of one day our own first."""
    found = [work for source in SOURCES for work in source(view, machine)]
    return sorted(found, key=lambda work: work.on, reverse=True)[:MOST_RECORDS]
