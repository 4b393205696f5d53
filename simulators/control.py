"""Lines on stdin of a running simulator: `{"upset": {...}}` or `{"wire": {...}}` as in a scenario, `{"end": {...}}` of one of these."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from simulators.director import Director
from simulators.scenario import UpsetEvent, What, WireEvent, parse_event
from simulators.world import World

_FILE = "control line"


async def control(director: Director, world: World, answer: Callable[[dict[str, object]], None]) -> None:
    """Obeys the lines of stdin until it ends. One answer a line: {"ok": true, ...} or {"ok": false, "problems": [...]}."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if not line.strip():
            continue
        try:
            answer({"ok": True} | obey(line.decode(errors="replace"), director, world))
        except BadInput as error:
            answer({"ok": False, "problems": [str(problem) for problem in error.problems]})


def obey(line: str, director: Director, world: World) -> dict[str, object]:
    """Does what a line says, now. Raises BadInput."""
    paper = y.Paper(_FILE)
    node = y.parse(line, paper)  # JSON is YAML
    if paper.problems or not isinstance(node, y.Map):
        raise BadInput(paper.problems or [Problem(_FILE, 1, "", 'must be {"upset": {...}}, {"wire": {...}} or {"end": {...}}')])
    ending = node.items.get("end")
    if ending is not None and len(node.items) == 1:
        inner = ending if isinstance(ending, y.Map) else node
        key = "wire" if "connection" in inner.items else "upset"
        director.end(_played(parse_event(y.Map(node.line, {key: inner}, {}), _FILE, world.site)))
        return {"did": "end"}
    what = _played(parse_event(node, _FILE, world.site))
    director.schedule(world.now_ns, what)
    director.play(world.now_ns)
    return {"did": "wire" if isinstance(what, WireEvent) else "upset", "fault": what.fault}


def _played(what: What) -> UpsetEvent | WireEvent:
    if isinstance(what, (UpsetEvent, WireEvent)):
        return what
    raise BadInput([Problem(_FILE, 1, "", "people and monitor events belong to `plantroom rehearse`")])
