"""`rehearse --wire disturbed`: what nothing disturbs is read without its wire. The lines and the publishers that can be, together."""

from __future__ import annotations

from simulators.agenda import Agenda
from simulators.direct_lines_commands import DirectLines
from simulators.direct_publishers_commands import DirectPublishers
from simulators.gathering import Gathering
from simulators.world import World


class Direct:
    """beat_s: of the rehearsal and of the world."""

    def __init__(self, agenda: Agenda, world: World, gathering: Gathering, beat_s: float) -> None:
        self.lines = DirectLines(agenda, world, gathering, beat_s)
        self.publishers = DirectPublishers(world, gathering, beat_s, agenda.start_ns)

    def made(self) -> None:
        """All are known."""
        self.lines.made()
        self.publishers.made()
