"""The serial connections of a site file: `modbus_rtu`, a port of this machine, and `rtu_over_tcp`, a converter with a line behind it."""

from __future__ import annotations

from collections.abc import Callable

from plantroom import yaml_file as y
from plantroom.site import ModbusRtu, RtuOverTcp

RATES = (300, 600, 1200, 2400, 4800, 9600, 14_400, 19_200, 28_800, 38_400, 57_600, 76_800, 115_200, 230_400, 460_800, 921_600)
PARITIES = {"N": "N", "E": "E", "O": "O", "none": "N", "even": "E", "odd": "O"}
UNITS = (1, 247)  # 0 is for broadcasts, which nobody answers; those above are reserved


def modbus_rtu(f: y.Fields) -> ModbusRtu | None:
    """Where parity and stop bits are left out they are the standard's: even and 1, or with no parity 2, always 11 bits a character."""
    device, rate = f.need("device", port_path), f.need("baud", baud)
    parity = PARITIES[f.may("parity", y.one_of(PARITIES, "a parity"), "E")]
    stop_bits = f.may("stop_bits", y.integer(1, 2), 2 if parity == "N" else 1)
    return None if device is None or rate is None else ModbusRtu(device, rate, parity, stop_bits)


def rtu_over_tcp(f: y.Fields, host: Callable[[y.Node], str], port: Callable[[y.Node], int]) -> RtuOverTcp | None:
    name, number, rate = f.need("host", host), f.need("port", port), f.may("baud", baud, 9600)
    return None if name is None or number is None else RtuOverTcp(name, number, rate)


def port_path(node: y.Node) -> str:
    """The whole path: the services run elsewhere than where the file was written."""
    path = y.text(node)
    if not path.startswith("/") or "\0" in path:
        raise y.Wrong(f"{path!r} must be the whole path of a serial port, such as /dev/serial/by-id/usb-... or /dev/ttyUSB0", node)
    return path


def baud(node: y.Node) -> int:
    rate = y.integer(1, 10_000_000)(node)
    if rate not in RATES:
        raise y.Wrong(f"{rate} is no rate of a serial line{y.nearest(str(rate), map(str, RATES))}", node)
    return rate
