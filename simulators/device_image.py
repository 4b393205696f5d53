"""A device's registers as the world moves on, and what may be wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plantroom.site import Device
from simulators import image
from simulators.encode import Encoder, encode_registers
from simulators.gauges import Gauges
from simulators.memory import Cells, Memory, Places
from simulators.world import World


class DeviceImage:
    """A device's cells, renewed at the first read after the world has moved. fault: one of wire.OF_IMAGE, or empty.

    Of a device that is well only what has changed is written: its plain numbers all at once, the rest by the encoder.
    """

    def __init__(self, world: World, device: Device) -> None:
        self._world, self.device = world, device
        self._encode = Encoder(device.profile)
        self._seen = (-1, "")
        self.fault = ""
        names = world.device_values(device.id)
        self.gauges = Gauges(device.profile, names, self._encode.layout.told)
        self.other_names = [name for name in names if name not in self.gauges.names]
        self._shown: Sequence[float] | None = None  # of the others, as they stand in the memory; None: other things stand there
        self.memory = Memory(self._encode.layout.cells, self._encode.layout.alone, self._renew)
        self.places: list[tuple[int, Places]] = [(f, self.memory.places(f, addresses)) for f, addresses in self.gauges.cells]

    # for a block of many devices (simulators.fleet)

    def others(self, values: Mapping[str, float]) -> None:
        """Writes what is no plain number."""
        self.memory.set(self._told(self._encode(values)))

    def whole(self, values: Mapping[str, float]) -> None:
        """Writes everything."""
        self.memory.set(self._told(self._spoilt(dict(values))))

    def forget(self) -> None:
        """Others have written in its memory: it writes all of it at the next read."""
        self._seen, self._shown = (-1, ""), None
        self.memory.rewritten()

    def _renew(self) -> Cells | None:
        if self.fault == image.STUCK or (self._world.version, self.fault) == self._seen:
            return None
        self._seen = self._world.version, self.fault
        values = self._world.device_values(self.device.id)
        words = self.gauges.words([values[name] for name in self.gauges.names]) if not self.fault else None
        if words is None:
            self._shown = None
            return self._told(self._spoilt(values))
        others = [values[name] for name in self.other_names]
        if others != self._shown:
            self.memory.set(self._told(self._encode(dict(zip(self.other_names, others, strict=True)))))
            self._shown = others
        for (function, places), written in zip(self.places, words, strict=True):
            self.memory.write(function, places, written)
        return None

    def _spoilt(self, values: dict[str, float]) -> Cells:
        profile, layout = self.device.profile, self._encode.layout
        cells = encode_registers(profile, layout, image.silenced(profile, values) if self.fault == image.SENTINEL else values)
        return image.reworded(self.fault, profile, cells)

    def _told(self, cells: Cells) -> Cells:
        """With what it is, which does not change with the plant."""
        if not self._encode.layout.told:
            return cells
        shown = {function: dict(table) for function, table in cells.items()}
        for (function, address), word in self._encode.layout.told.items():
            shown[function][address] = word
        return shown
