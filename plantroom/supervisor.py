"""When a dead service is started again, and what is said about it. Pure: exits and instants in, decisions out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

CONFIG_CHANGED = 75  # exit code: a newer configuration was applied, start me again
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 60.0  # who lived so long begins with the first pause again
TERM_S = 4.0  # between SIGTERM and SIGKILL
PATIENCE_S = 30.0  # a service whose event loop says nothing for so long stands still: frozen, blocked, or waiting for ever
LONGEST_PATIENCE_S = 960.0
PER_SITE = ("collect", "rules", "history", "notify")
PER_INSTALLATION = ("web",)


@dataclass(frozen=True, slots=True)
class Child:
    """One service as the supervisor knows it. site: None for one that serves the installation. restarts: those that were announced.

    patience_s: how long it may stand still.
    """

    service: str
    site: str | None
    started_s: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    restarts: int = 0
    patience_s: float = PATIENCE_S

    @property
    def name(self) -> str:
        return self.service if self.site is None else f"{self.site}/{self.service}"


@dataclass(frozen=True, slots=True)
class Restart:
    """child: as it goes on; after_s: when to start it; event: to be appended to the journal, None for a wanted restart."""

    child: Child
    after_s: float
    event: dict[str, object] | None


def stands_still(child: Child, heard_s: float | None, now_s: float) -> bool:
    """Whether it is to be ended because nothing moves in it. heard_s: when its event loop last said that it runs, None = not yet: what it
    does before, such as reading the journal again, takes as long as it takes."""
    return heard_s is not None and now_s - heard_s > child.patience_s


def on_exit(child: Child, code: int, now_s: float, *, stood_still: bool = False) -> Restart:
    """What to do about a child that has ended. code: its exit code, negative for a signal; now_s: on the scale of started_s.

    stood_still: we ended it for that. What needs longer for a step of its work would need longer each time, so it is given twice as long.
    """
    lived_s = now_s - child.started_s
    pause_s = FIRST_PAUSE_S if lived_s >= HEALTHY_S else child.pause_s
    if code == CONFIG_CHANGED:
        # wanted; but one that asks for it right after its start has not understood the configuration and shall not spin
        wait_s = 0.0 if lived_s >= FIRST_PAUSE_S else FIRST_PAUSE_S
        return Restart(replace(child, pause_s=FIRST_PAUSE_S), wait_s, None)
    going_on = replace(child, pause_s=min(2 * pause_s, LONGEST_PAUSE_S), restarts=child.restarts + 1)
    event: dict[str, object] = {"event": "service_restarted", "service": child.service, "site": child.site, "exit": code}
    event["restarts"] = going_on.restarts
    if stood_still:
        event["stood_still_s"] = child.patience_s
        going_on = replace(going_on, patience_s=min(2 * child.patience_s, LONGEST_PATIENCE_S))
    return Restart(going_on, pause_s, event)


def children(sites: tuple[str, ...]) -> Iterator[Child]:
    """All services of an installation: those that alert first, the web last."""
    for site in sites:
        for service in PER_SITE:
            yield Child(service, site)
    for service in PER_INSTALLATION:
        yield Child(service, None)
