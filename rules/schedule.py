"""In which order the parts of a program are done, so that as many as possible of one family are done together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

Stage = tuple[str, list[int]]
ALONE = "not"  # costs nothing, so it never waits


def stages(families: Mapping[int, str], needs: Mapping[int, Collection[int]]) -> list[Stage]:
    """Tasks by family in an order in which each comes after what it needs; within a stage none needs another.

    needs: of each task; what is no task itself is there from the beginning. First comes a family of which nothing would be left over;
    where there is none, the one that most is waiting for, one after the other.
    """
    users: dict[int, list[int]] = {}
    for task in families:
        for need in needs[task]:
            users.setdefault(need, []).append(task)
    waiting = _waiting(families, needs, users)
    left = Counter(families.values())
    ready: dict[str, list[int]] = {}
    open_ = {task: sum(need in families for need in needs[task]) for task in families}
    for task, count in open_.items():
        if not count:
            ready.setdefault(families[task], []).append(task)

    def rank(family: str) -> tuple[bool, int]:
        return left[family] > len(ready[family]), -max(waiting[task] for task in ready[family])

    found: list[Stage] = []
    while ready:
        family = ALONE if ALONE in ready else min(ready, key=rank)
        tasks = ready.pop(family)
        left[family] -= len(tasks)
        found.append((family, tasks))
        for user in (user for task in tasks for user in users.get(task, ())):
            open_[user] -= 1
            if not open_[user]:
                ready.setdefault(families[user], []).append(user)
    return found


def _waiting(families: Mapping[int, str], needs: Mapping[int, Collection[int]], users: Mapping[int, Collection[int]]) -> dict[int, int]:
    """How many stages must at least come after each task."""
    left = {task: len(users.get(task, ())) for task in families}
    found, todo = dict.fromkeys(families, 0), [task for task, count in left.items() if not count]
    while todo:
        task = todo.pop()
        for need in needs[task]:
            if need in families:
                found[need] = max(found[need], found[task] + (families[task] != ALONE))
                left[need] -= 1
                if not left[need]:
                    todo.append(need)
    return found
