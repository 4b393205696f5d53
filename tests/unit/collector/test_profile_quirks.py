"""What makers ask of those who poll their devices, said here once more apart from the profiles: the requests of a full poll keep to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from collector.bindings import plan_profile
from collector.poll_plan import Read
from plantroom.profile_file import load_profile
from plantroom.profiles import Encoding, Register, Table, registers_of

H, I, C = Table.HOLDING, Table.INPUT, Table.COIL


@dataclass(frozen=True)
class Asks:
    """most: registers or bits a request. never: cells no request touches. alone: cells a request brings without others. gap_ms, patience_s: at
    least. page: no request crosses a multiple. through: whether a request may bring cells that nobody wants."""

    most: int = 125
    never: tuple[tuple[Table, int, int], ...] = ()
    alone: tuple[tuple[Table, int], ...] = ()
    gap_ms: float = 0
    patience_s: float = 0.5
    page: int = 65_536
    through: bool = True


MAKERS = {
    "abb-acs550": Asks(64, through=False),
    "comap-intelilite4": Asks(through=False, never=((H, 1307, 1322),)),
    "cre-compact": Asks(never=((H, 77, 77), (H, 360, 362), (H, 4002, 4005))),
    "daikin-ekmbdxb7": Asks(32, gap_ms=20),
    "daikin-ekmbdxb7+ten": Asks(10, gap_ms=20),
    "danfoss-fc302": Asks(gap_ms=25, patience_s=10, through=False),
    "datakom-d500": Asks(through=False),
    "dse-gencomm": Asks(page=256, patience_s=1, through=False),
    "eaton-atc300": Asks(16),
    "emerson-ev3200": Asks(4),
    "generac-power-zone-410": Asks(),
    "grundfos-cim-booster": Asks(through=False),
    "inovance-md500": Asks(12),
    "intesis-inmbs": Asks(32, through=False),
    "lg-pmbusb00a": Asks(256),
    "lg-pmbusb00a+separate": Asks(16, through=False),
    "schneider-iem3000": Asks(gap_ms=20),
    "systemair-topvex": Asks(47, alone=((I, 323), (I, 324), (I, 325), (I, 374))),
    "tornatech-gpx": Asks(29),
}


loaded = cache(load_profile)


def polled(name: str) -> list[Read]:
    profile = loaded(name)
    return [read for reads, _ in plan_profile(profile, list(profile.points)) for read in reads]


@pytest.mark.parametrize("name", MAKERS)
def test_a_full_poll_keeps_to_what_the_maker_asks(name: str) -> None:
    asks, profile, reads = MAKERS[name], loaded(name), polled(name)
    wanted = {(r.table, at) for p in profile.points.values() for r in registers_of(p.source) for at in range(r.whole[0], sum(r.whole))}
    assert reads and max(read.count for read in reads) <= asks.most
    assert all(read.address // asks.page == (read.end - 1) // asks.page for read in reads)
    for table, low, high in asks.never:
        assert not [read for read in reads if read.table is table and read.address <= high and low < read.end]
    for table, at in asks.alone:
        assert [read for read in reads if read.table is table and read.address <= at < read.end] == [Read(table, at, 1)]
    assert asks.through or {(read.table, at) for read in reads for at in range(read.address, read.end)} == wanted
    assert profile.bus.gap_s * 1000 >= asks.gap_ms and profile.bus.timeout_s >= asks.patience_s


def register(name: str, point: str) -> Register:
    return next(iter(registers_of(loaded(name).points[point].source)))


@pytest.mark.parametrize(
    ("name", "point", "wire"),
    [
        ("abb-acs550", "speed", 101),  # parameter 0102
        ("danfoss-fc302", "power_kw", 16_099),  # parameter 16-10
        ("danfoss-fc302+zero_based", "power_kw", 16_100),
        ("eaton-atc300", "normal_ok", 0x3E7),  # register 1000
        ("siemens-atc6300", "line1_all_ok", 0x2073),  # 2074h
        ("grundfos-cim-booster", "pump_on_1", 400),  # 00401
        ("invertek-elevator", "motor_current", 257),  # 258
        ("metron-fd4", "system_fault", 1),  # 40002
        ("tornatech-gpx", "fail_to_start", 1000),  # 41001
        ("lg-pmbusb00a", "unit_0.on_off", 0),  # coil 00001
        ("daikin-ekmbdxb7", "unit_4-15.setpoint", 2380),  # 32381
    ],
)
def test_a_documents_number_is_one_more_than_the_address_on_the_wire(name: str, point: str, wire: int) -> None:
    assert register(name, point).address == wire


@pytest.mark.parametrize("name", ["cre-compact", "datakom-d500", "carlo-gavazzi-em340"])
def test_double_words_with_the_low_word_first(name: str) -> None:
    wide = [r for point in loaded(name).points.values() for r in registers_of(point.source) if r.encoding in (Encoding.U32, Encoding.I32)]
    assert wide and all(register.low_word_first for register in wide)


def test_the_eight_highest_numbers_of_each_width_mean_nothing_to_deep_sea() -> None:
    found = {r.encoding: set(r.sentinels) for p in loaded("dse-gencomm").points.values() for r in registers_of(p.source) if r.bit is None}
    for encoding, top in ((Encoding.U16, 0xFFFF), (Encoding.I16, 0x7FFF), (Encoding.U32, 0xFFFF_FFFF), (Encoding.I32, 0x7FFF_FFFF)):
        assert encoding not in found or found[encoding] == {top - i for i in range(8)}
    assert set(found) >= {Encoding.U16, Encoding.I16, Encoding.U32}
