"""In which order the parts of a program are done, so that as many as possible of one family are done together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

Stage = tuple[str, list[int]]
ALONE = "not"  # costs nothing, so it never waits


def stages(families: Mapping[int, str], needs: Mapping[int, Collection[int]]) -> list[Stage]:
    """Tasks by family in an order in which each comes after what it needs; within a stage none needs another.

    needs: of each task; what is no task itself is there from the beginning. First comes a family of which nothing would be left over,
    otherwise the one that is held up by the fewest.
    """
    waits = {task: sum(need in families for need in needs[task]) for task in families}
    users: dict[int, list[int]] = {}
    for task in families:
        for need in needs[task]:
            users.setdefault(need, []).append(task)
    left = Counter(families.values())
    ready: dict[str, list[int]] = {}
    for task, count in waits.items():
        if not count:
            ready.setdefault(families[task], []).append(task)
    found: list[Stage] = []
    while ready:
        family = ALONE if ALONE in ready else min(ready, key=lambda name: (left[name] - len(ready[name]), -len(ready[name])))
        tasks = ready.pop(family)
        left[family] -= len(tasks)
        found.append((family, tasks))
        for task in tasks:
            for user in users.get(task, ()):
                waits[user] -= 1
                if not waits[user]:
                    ready.setdefault(families[user], []).append(user)
    return found
