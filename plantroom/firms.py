"""Whose machines are whose: the firm a person comes from, and the machines whose ledger names that firm.

    people:     - {id: kone.liu, roles: [vendor], firm: 通力电梯}
    equipment:  - {id: lift-1, kind: elevator, ledger: {supplier: 通力电梯, maintained_by: 通力电梯}}
"""

from __future__ import annotations

from plantroom.site import Site

LEDGER_KEYS = ("supplier", "maintained_by")  # 供应商 (L-1) and 维保单位 (L-4); one firm, or a list of them


def own_machines(site: Site | None, person: str) -> frozenset[str]:
    """Machines that the firm of this person of the site file looks after. Nothing for one it does not know, or without a firm."""
    who = site.people.get(person) if site is not None else None
    if site is None or who is None or not who.firm or "vendor" not in who.roles:
        return frozenset()
    return machines_of(site, who.firm)


def machines_of(site: Site, firm: str) -> frozenset[str]:
    return frozenset(machine.id for machine in site.equipment.values() if firm in firms_of(machine.ledger))


def firms_of(ledger: object) -> frozenset[str]:
    """The firms a ledger names."""
    said = [ledger.get(key) for key in LEDGER_KEYS] if isinstance(ledger, dict) else []
    named = [name for each in said for name in (each if isinstance(each, list) else [each])]
    return frozenset(name.strip() for name in named if isinstance(name, str) and name.strip())
