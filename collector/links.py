"""What follows from a Modbus connection of the site file: how it is reached, how its bytes are framed, what a read costs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from collector import mbap, rtu
from collector.backoff import Backoff
from collector.bindings import Job
from collector.connect import Secured, Tcp, Way
from collector.exchange import Exchange
from collector.poll_plan import SERIAL_9600, LineCost, Read
from collector.serial_line import SerialPort
from collector.session import Session
from plantroom.clock import Reading
from plantroom.site import Modbus, ModbusRtu, ModbusTcp, RtuOverTcp


def way_of(link: Modbus) -> Way:
    if isinstance(link, ModbusRtu):
        return SerialPort(link.device, link.baud, link.parity, link.stop_bits)
    if isinstance(link, ModbusTcp) and (tls := link.tls) is not None:
        return Secured(link.host, link.port, tls.ca, tls.cert, tls.key, tls.name or link.host)
    return Tcp(link.host, link.port)


def is_serial(link: Modbus) -> bool:
    """Its answers do not say what they answer, so each silence is waited out (collector.rtu)."""
    return isinstance(link, ModbusRtu | RtuOverTcp)


def cost_of(link: Modbus) -> LineCost:
    """For the poll planner. Modbus TCP is planned as 9600 baud: behind most gateways there is such a line."""
    return SERIAL_9600 if isinstance(link, ModbusTcp) else LineCost.serial(link.baud, bits_a_character=rtu.BITS_A_CHARACTER)


def on_this_line(link: Modbus, jobs: Sequence[Job]) -> list[Job]:
    """The jobs as this line can do them: on a serial one the characters take their time, on top of the unit's own."""
    if isinstance(link, ModbusTcp):
        return list(jobs)
    return [replace(job, timeout_s=longest_s(link, job.timeout_s, job.reads), identify=False) for job in jobs]


def session_of(link: Modbus, jobs: Sequence[Job], start: Reading, backoff: Backoff, offset: float) -> Session:
    """jobs: as this line can do them."""
    if not isinstance(link, ModbusTcp):
        return Session(jobs, start, backoff, offset, waits_out=True)
    concurrent = link.concurrent or min(job.concurrent for job in jobs)
    least_s = 1.0 / link.max_requests_per_s if link.max_requests_per_s else 0.0
    return Session(jobs, start, backoff, offset, concurrent=concurrent, least_s=least_s)


def exchange_of(link: Modbus, jobs: Sequence[Job]) -> Exchange:
    """jobs: as this line can do them."""
    worst_s: dict[int, float] = {}
    for job in jobs:
        worst_s[job.unit] = max(job.timeout_s, worst_s.get(job.unit, 0.0))
    return framing(link, worst_s)


def framing(link: Modbus, worst_s: Mapping[int, float]) -> Exchange:
    """worst_s: unit -> its longest time to answer, characters included."""
    return mbap.Exchange(worst_s=worst_s) if isinstance(link, ModbusTcp) else rtu.Exchange(rtu.silence_s(link.baud), worst_s)


def longest_s(link: Modbus, timeout_s: float, reads: Sequence[Read]) -> float:
    """The longest that one of these reads may take, where the unit itself takes up to timeout_s."""
    if isinstance(link, ModbusTcp):
        return timeout_s
    return timeout_s + max((rtu.on_the_line_s(link.baud, read) for read in reads), default=0.0)
