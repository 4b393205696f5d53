"""A supervisor over fake services: python -m tests.kit.fake_house DIR NAME... ; stops on SIGTERM, says `stopped SECONDS`.

NAME:SECONDS is one that may stand still so long.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from plantroom.clock import SystemClock
from plantroom.journal import Journal
from plantroom.processes import Processes
from plantroom.supervisor import Child

COMMAND = (sys.executable, "-m", "tests.kit.fake_service")


async def main(data: Path, names: list[str]) -> None:
    processes = Processes(data, {"hq": Journal(data / "hq" / "journal", SystemClock())}, command=COMMAND)
    asked = 0.0

    def stop() -> None:
        nonlocal asked
        asked = time.monotonic()
        processes.stop()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    wanted = [name.partition(":") for name in names]
    await processes.run([Child(name, "hq", patience_s=float(patience)) if patience else Child(name, "hq") for name, _, patience in wanted])
    print(f"stopped {time.monotonic() - asked:.2f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
