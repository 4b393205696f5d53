"""A process that collects one lift over MQTT into a journal, to be killed. Prints a line when it is connected.

`python -m tests.kit.mqtt_collector FOLDER PORT after|before`: acknowledges after the commit, or (the control) on receipt.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from collector.backoff import Backoff
from collector.mqtt import Group, MqttLink
from collector.outlet import Outlet
from collector.publishers import Publisher, publishers
from plantroom.clock import SystemClock
from plantroom.journal import GroupWriter, Journal
from plantroom.kinds import KindPoint, PointType
from plantroom.model import Batch
from plantroom.profiles import Availability, BusLimits, DevicePoint, JsonPath, MqttShape, Profile
from plantroom.site import Binding, Device, Mqtt

COMMIT_APART_S = 0.02  # slow commits widen the window between receipt and commit


def publisher(device: str = "l1", heartbeat_s: float = 3600.0, topic: str = "t/{device}") -> Publisher:
    """One point, `n`."""
    shape = MqttShape(topic, availability=(Availability("t/{device}/status"),))
    profile = Profile("m", "M", None, {}, BusLimits(), {"n": DevicePoint("n", JsonPath("n"))}, shape)
    binding = Binding(f"{device}.n", device, "n", KindPoint("n", PointType.COUNTER, "", {}, {}), period_s=heartbeat_s)
    (made,) = publishers([(Device(device, profile, "broker"), [binding])])
    return made


class Hasty(MqttLink):
    """The control: acknowledges what it has decoded, then commits."""

    def _decode_some(self) -> tuple[list[Group], list[Batch]]:
        groups, batches = super()._decode_some()
        self._unanswered += groups
        super()._durable(groups)
        return [], batches

    def _durable(self, groups: Sequence[Group]) -> None:
        return


async def main(folder: Path, port: int, kind: type[MqttLink]) -> None:
    clock = SystemClock()
    writer = GroupWriter(Journal(folder, clock).writer("collect"), apart_s=COMMIT_APART_S)
    outlet = Outlet(writer)
    link = kind("broker", Mqtt("127.0.0.1", port), "plantroom-test", [publisher()], outlet, clock, Backoff(Random(1), 0.05, 0.2))
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        group.create_task(outlet.run())
        group.create_task(link.run())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), {"after": MqttLink, "before": Hasty}[sys.argv[3]]))
