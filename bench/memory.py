"""Memory of the whole service on the demo tower: proportional set size (PSS) of every process after some minutes of `plantroom demo`.

PSS counts a page shared by n processes as 1/n in each, so the sum is what the machine really gives.
Default 10 minutes; `--minutes 2` for a look.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def pss_kib(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0


def family(root: int) -> dict[int, str]:
    """The process and its descendants: pid -> what it is."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            names[int(entry.name)] = (entry / "cmdline").read_bytes().decode().replace("\0", " ")
        except (OSError, IndexError):
            continue
    found, grew = {root}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return {pid: names.get(pid, "") for pid in found}


def label(command: str) -> str:
    words = command.split()
    for word in ("service", "run", "simulate", "broker", "demo"):
        if word in words:
            return f"service {words[words.index('service') + 1]}" if word == "service" else word
    return " ".join(words[:3])[:40]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).parent / "plantroom"), "demo", "--port", "0", "--data", folder]
        with open(Path(folder) / "log", "w") as log:  # noqa: PTH123
            demo = subprocess.Popen(command, stdout=log, stderr=log)
        looks = []
        try:
            for at in (0.2, 0.5, 1.0):
                time.sleep(max(0.0, options.minutes * 60 * at - sum(looks)))
                looks.append(options.minutes * 60 * at - sum(looks))
                rows = sorted((label(name), pss_kib(pid)) for pid, name in family(demo.pid).items())
                ours = sum(kib for name, kib in rows if name.startswith(("service", "run")))
                print(f"after {options.minutes * at:4.1f} min: `plantroom run` and its services {ours / 1024:6.0f} MiB (PSS)", flush=True)
            for name, kib in rows:
                print(f"  {name:<24}{kib / 1024:7.1f} MiB")
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            print(f"  data folder {size / 2**20:.1f} MiB")
        finally:
            os.kill(demo.pid, signal.SIGTERM)
            demo.wait(20)


if __name__ == "__main__":
    main()
