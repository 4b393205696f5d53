"""What a ledger lacks (L-1, L-4) and what runs out: for `check`, `ledger check` and the console. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from plantroom.certificates import REMIND_DAYS, MachineCertificate
from plantroom.errors import Problem
from plantroom.model import EquipmentState
from plantroom.site import Equipment, Site, Spare
from plantroom.site_rescue import LIFT

WANTED = ("name", "model", "installed", "interval", "supplier", "records")  # L-1, in its order
OF_LIFTS = ("registration", "inspection", "self_test", "governor_check", "maintenance_contract")  # L-4
NO_MACHINE = ("area",)  # nobody made or supplied a corridor
OF_AREAS = ("name", "interval")


def machines(site: Site) -> Iterator[Equipment]:
    """What a ledger speaks of: everything but Plantroom itself, and what is retired."""
    for machine in site.equipment.values():
        if machine.kind.name != "monitor" and machine.state is not EquipmentState.RETIRED:
            yield machine


def lacks(machine: Equipment, recorded: int = 0) -> list[str]:
    """Names of what its entry lacks, of WANTED, then of OF_LIFTS. recorded: how much maintenance Plantroom itself has on record."""
    area = machine.kind.name in NO_MACHINE
    there = {
        "name": machine.name != machine.id,
        "records": bool(recorded or machine.records),
        **{key: machine.ledger.get(key) not in (None, "", []) for key in ("model", "installed", "interval", "supplier")},
    }
    found = [key for key in (OF_AREAS if area else WANTED) if not there[key]]
    if machine.kind.name == LIFT:
        held = {one.what for one in machine.certificates}
        registered = held | ({"registration"} if machine.ledger.get("registration") or machine.rescue.get("registration") else set())
        found += [what for what in OF_LIFTS if what not in registered]
    return found


def running_out(site: Site, today: date) -> list[tuple[Equipment, MachineCertificate, int]]:
    """(machine, certificate, days left) of what ends within the first reminder, or has ended; soonest first."""
    found = [
        (machine, held, left) for machine in machines(site) for held in machine.certificates if (left := held.days_left(today)) is not None
    ]
    return sorted((each for each in found if each[2] <= max(REMIND_DAYS)), key=lambda each: (each[2], each[0].id, each[1].what))


def short(site: Site) -> list[Spare]:
    """Spares of which fewer lie there than should."""
    return [spare for spare in site.spares.values() if spare.count < spare.minimum]


def findings(site: Site, today: date) -> Sequence[Problem]:
    """For `check`: what the sheets leave open, certificates that end. Never stops a start."""
    found = list(site.left)
    for machine, held, left in running_out(site, today):
        said = f"expired on {held.until}" if left < 0 else f"ends on {held.until}, in {left} days"
        where = f"equipment.{machine.id}"
        found.append(Problem(site.root, site.lines.get(where, 0), f"{where}.certificates", f"{held.name('en')} {said}"))
    return found


def gaps(site: Site) -> list[Problem]:
    """For `ledger check`: one for each machine whose entry lacks something."""
    found = []
    for machine in machines(site):
        if missing := lacks(machine):
            where = f"equipment.{machine.id}"
            text = f"lacks {', '.join(missing)} (L-1{', L-4' if machine.kind.name == LIFT else ''})"
            found.append(Problem(site.root, site.lines.get(where, 0), f"{where}.ledger", text))
    for spare in short(site):
        found.append(
            Problem(site.root, 0, f"spares.{spare.id}", f"{spare.name}: {spare.count} there, {spare.minimum} at least; {spare.place}")
        )
    return found
