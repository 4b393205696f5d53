"""The command that puts a file to an order, a machine or a task: its hash stands in the chronicle from then on. The file itself is no
matter of the engine's; the web process has stored it before it said so (plantroom/evidence).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plantroom.evidence import KINDS, is_hash
from rules.command import Command
from rules.denied import Denied, Done, same, wanted
from rules.desk import Desk
from rules.house import House
from rules.rows import Evidence, Order


def _order(desk: Desk, house: House, command: Command) -> tuple[str | None, Order | None]:
    order = desk.find_order(command.target)
    if order is None:
        raise Denied("unknown_order", {"target": same(command.target)})
    return order.equipment, order


def _equipment(desk: Desk, house: House, command: Command) -> tuple[str | None, Order | None]:
    if house.machine(command.target) is None:
        raise Denied("unknown_equipment", {"target": same(command.target)})
    return command.target, None


def _task(desk: Desk, house: House, command: Command) -> tuple[str | None, Order | None]:
    task = desk.plan.find(command.target)
    if task is None:
        raise Denied("unknown_task", {"target": same(command.target)})
    return (task.subject if house.machine(task.subject) is not None else None), None


# What evidence can be about: what the target's machine is, or Denied where there is no such target.
ABOUT: Mapping[str, Callable[[Desk, House, Command], tuple[str | None, Order | None]]] = {
    "order": _order, "equipment": _equipment, "task": _task,
}  # fmt: skip


def _attach(desk: Desk, house: House, command: Command) -> Done:
    """target: of what args.about says. args: hash, kind, bytes, name."""
    hash_, about, kind, size = command.text("hash"), command.text("about"), command.text("kind"), command.args.get("bytes")
    if about not in ABOUT:
        raise Denied("argument", {"name": same("about"), "wanted": same(", ".join(sorted(ABOUT)))})
    if not is_hash(hash_) or kind not in KINDS:
        raise Denied("argument", {"name": same("hash"), "wanted": wanted("text")})
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 1 << 40:
        raise Denied("argument", {"name": same("bytes"), "wanted": wanted("text")})
    equipment, order = ABOUT[about](desk, house, command)
    if desk.has_evidence(hash_, about, command.target):
        raise Denied("already_attached")
    name = str(command.hidden["name"]) if command.text("name") else None
    desk.put_evidence(Evidence(hash_, about, command.target, equipment, desk.seq, desk.now_ns, command.who, kind, size, name))
    desk.tell(
        "evidence", {"hash": hash_, "about": about, "target": command.target, "equipment": equipment, "by": command.who, "bytes": size}
    )
    return Done(order, state={"evidence": hash_})


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"attach": _attach}
