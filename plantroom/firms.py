"""Whose machines are whose: the firm a person comes from, and the machines whose ledger names that firm.

    people:     - {id: kone.liu, roles: [vendor], firm: 通力电梯}
    equipment:  - {id: lift-1, kind: elevator, ledger: {supplier: 通力电梯, maintained_by: 通力电梯}}
"""

from __future__ import annotations

from plantroom.site import Site

LEDGER_KEYS = ("supplier", "maintained_by")  # 供应商 (L-1) and 维保单位 (L-4); one firm, or a list of them


def own_machines(site: Site | None, person: str) -> frozenset[str]:
    """Machines that the firm of this person of the site file looks after. Nothing for one it does not know, or without a firm."""
    firm = firm_of(site, person)
    return machines_of(site, firm) if site is not None and firm else frozenset()


def firm_of(site: Site | None, person: str) -> str:
    """The firm whose orders this person of the site file may see and work on; "" where there is none."""
    who = site.people.get(person) if site is not None else None
    return who.firm if who is not None and "vendor" in who.roles else ""


def assessed_by(site: Site | None, person: str) -> frozenset[str]:
    """Machines that this person may assess as an independent third party: their firm neither supplies nor maintains them (M-3)."""
    who = site.people.get(person) if site is not None else None
    if site is None or who is None or "third_party" not in who.roles or not who.firm:
        return frozenset()
    return frozenset(machine.id for machine in site.equipment.values() if who.firm not in firms_of(machine.ledger))


def vendors(site: Site, firm: str) -> list[str]:
    """Ids of the people of a firm that orders are handed to, in the order of the site file."""
    return [person for person in site.people if firm and firm_of(site, person) == firm]


def firms(site: Site) -> list[str]:
    """The firms an order can be handed to, in the order of the site file."""
    return list(dict.fromkeys(firm for person in site.people if (firm := firm_of(site, person))))


def machines_of(site: Site, firm: str) -> frozenset[str]:
    return frozenset(machine.id for machine in site.equipment.values() if firm in firms_of(machine.ledger))


def firms_of(ledger: object) -> frozenset[str]:
    """The firms a ledger names."""
    said = [ledger.get(key) for key in LEDGER_KEYS] if isinstance(ledger, dict) else []
    named = [name for each in said for name in (each if isinstance(each, list) else [each])]
    return frozenset(name.strip() for name in named if isinstance(name, str) and name.strip())
