"""Where the head of a site's chronicle is noted outside: values. Read by plantroom.site_evidence, done by rules/notify/anchoring.py."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the head goes, by every way named. every_s: how often. to: addresses of the mail; ca: PEM file by which a time stamp is
    proven."""

    every_s: float = DAY_S
    folder: str | None = None
    mail: str | None = None
    to: tuple[str, ...] = field(default=(), repr=False)
    timestamp: str | None = None
    ca: str | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        return tuple(name for name in ("folder", "mail", "timestamp") if getattr(self, name) is not None)
