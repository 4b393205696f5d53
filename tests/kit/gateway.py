"""A gateway with modules of 32 digital inputs as a process of its own, to be killed and frozen: `python -m tests.kit.gateway PORT MODULES`.

Takes lines `UNIT ADDRESS VALUE`; answers `?` with how many requests that were no reads it has refused so far.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from tests.kit.killer import ROOT

INPUTS = 32


class Gateway:
    """modules are units 1..n. What its inputs show is the plant's: it stands here and is there again after a start."""

    def __init__(self, port: int, modules: int) -> None:
        self.port, self._modules = port, modules
        self._set: dict[tuple[int, int], int] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.kit.gateway", str(self.port), str(self._modules)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._heard()
        for (unit, address), value in self._set.items():
            self._write(f"{unit} {address} {value}")

    def set(self, unit: int, address: int, value: int) -> None:
        """Also while it does not run, or stands still: then it shows it afterwards."""
        self._set[unit, address] = value
        if self._process is not None:
            self._write(f"{unit} {address} {value}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def asked_for_writes(self) -> int:
        """Requests that were no reads, since its last start."""
        self._write("?")
        return int(self._heard())

    def _write(self, line: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _heard(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the gateway has ended"
        return line.strip()


async def main(port: int, modules: int) -> None:
    cells = {unit: {at: int(at % 3 == 0) for at in range(INPUTS)} for unit in range(1, modules + 1)}
    memory = {unit: Memory({2: shown}) for unit, shown in cells.items()}
    server = ModbusServer(dict(memory), port=port)
    await server.start()
    print(0, flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line.strip() == b"?":
            print(server.refused, flush=True)
            continue
        unit, address, value = map(int, line.split())
        cells[unit][address] = value
        memory[unit].set({2: cells[unit]})


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
