"""Who outside is told that a site's watching goes on, and what makes a noise here when nothing gets out. Read by plantroom.site_watch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FORMS = ("plantroom", "ping")


@dataclass(frozen=True, slots=True)
class Watcher:
    """Where heartbeats go. form: `plantroom` = signed JSON to `plantroom watch`; `ping` = a public dead man's switch, which knows no secret
    but its own address. ca: a PEM file."""

    url: str = field(repr=False)
    form: str = "plantroom"
    secret: str | None = field(default=None, repr=False)
    ca: str | None = None

    @property
    def name(self) -> str:
        """Its host: the rest of an address may be a secret."""
        return re.split(r"[/?#]", self.url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Watch:
    """Seconds. stale_s: polls, journal, rules and delivery may stand still so long. pages_s: T3, an urgent page no channel takes.
    outside_s: without a heartbeat that any watcher took. hook: a program of this machine; line: where it stands in the site file."""

    to: tuple[Watcher, ...] = ()
    every_s: float = 20.0
    stale_s: float = 30.0
    pages_s: float = 100.0
    outside_s: float = 190.0
    hook: str | None = None
    line: int = field(default=0, compare=False)
