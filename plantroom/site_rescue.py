"""`rescue:` of a lift in a site file: what one needs to free people who are trapped in it. `check` lists what a lift lacks.

    rescue: {phone: "8013", code: "320017", registration: 梯11京A00123, hotline: "400-600-0000", key: 值班室钥匙柜12号, way: 屋面右转}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.errors import Problem
from plantroom.model import EquipmentState
from plantroom.site import Site
from plantroom.site_documents import fact

LIFT = "elevator"
# In the order in which they are needed. A picture is not everywhere; the rest is.
WANTED = ("phone", "code", "registration", "hotline", "key", "way")
FACTS = (*WANTED, "camera")


def read_rescue(node: y.Node | None, f: y.Fields, kind: str | None) -> Mapping[str, str]:
    """Facts by name. camera: an address that the page links to; it is never loaded into the page."""
    if node is None:
        return {}
    if kind is not None and kind != LIFT:
        f.wrong("rescue", f"belongs to lifts (kind {LIFT}), where people can be trapped")
    inner = y.Fields(node, f.path("rescue"), f.paper)
    found = {name: inner.opt(name, parts.url if name == "camera" else fact) for name in FACTS}
    inner.done()
    return {name: fact for name, fact in found.items() if fact is not None}


def findings(site: Site) -> Iterator[Problem]:
    """What each lift lacks. Never stops a start."""
    for machine in site.equipment.values():
        lacks = [name for name in WANTED if name not in machine.rescue]
        if machine.kind.name == LIFT and machine.state is not EquipmentState.RETIRED and lacks:
            where = f"equipment.{machine.id}"
            said = f"lacks {', '.join(lacks)} for the rescue of people trapped in it; they stand on the page that rescuers open"
            yield Problem(site.root, site.lines.get(where, 0), f"{where}.rescue", said)
