"""A site of which nothing is polled more often than once a beat of its rehearsal, as the collector and as the rules see it.

Imports the rules, so it belongs to the composition roots; `plantroom rehearse` uses it.
"""

from __future__ import annotations

from dataclasses import replace

from plantroom.journal.record import Record
from plantroom.site import Binding, Site
from rules.house import House, furnish


def slowed(site: Site, every_s: float) -> Site:
    """The site with nothing polled more often than `every_s`."""

    def slow(binding: Binding) -> Binding:
        return binding if binding.period_s >= every_s else replace(binding, period_s=every_s)

    equipment = {id: replace(e, bindings=tuple(map(slow, e.bindings))) for id, e in site.equipment.items()}
    return replace(site, equipment=equipment)


def slow_house(record: Record, every_s: float) -> House:
    house = furnish(record)
    return House(slowed(house.site, every_s), house.book)
