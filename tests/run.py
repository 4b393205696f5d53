"""`make test`: every part in turn, its share of the time, what was skipped and why. Exit code 1 if any part failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-rfEs", "-p", "no:cacheprovider"]

FIELD = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/integration/test_collector_*.py"))
BESIDE = ["-n4", "--dist=loadfile", "--no-loadscope-reorder"]
LONG = ["demo", "rules_service", "whole_house", "watch", "single_faults", "notify_service", "web"]  # begun first: the last file to end alone holds up all
_OTHERS = sorted(
    str(path.relative_to(ROOT)) for path in ROOT.glob("tests/integration/test_*.py") if path.stem.removeprefix("test_") not in LONG
)
HOUSE = [*(f"tests/integration/test_{name}.py" for name in LONG), "tests/browser", *(path for path in _OTHERS if path not in FIELD)]

GIVING_WAY = ["nice", "-n", "19"]
Part = tuple[str, list[str]]

# one after the other; those of one list beside each other
PARTS: list[list[Part]] = [
    [("ruff", [str(BIN / "ruff"), "check", "."])],
    [("unit", [*PYTEST, "-n2", "tests/unit"])],
    [("property", [*PYTEST, "-n2", "tests/property"])],
    [("simulation", [*PYTEST, "-n2", "tests/simulation"])],
    [("contract", [*PYTEST, "-n3", "tests/contract"])],
    # their time-outs are fractions of a second, and they mostly wait: beside them runs only what gives way at once
    [
        ("field", [*PYTEST, "--durations=5", *FIELD]),
        ("types", [*GIVING_WAY, str(BIN / "mypy")]),
        ("rules", [*GIVING_WAY, str(BIN / "plantroom"), "rules", "test"]),
    ],
    # these mostly wait, for processes and for seconds to pass: four files at a time, whole because their tests share what they start
    [("integration", [*PYTEST, *BESIDE, "--durations=10", *HOUSE])],
]


@dataclass(frozen=True, slots=True)
class Ended:
    name: str
    command: list[str]
    code: int
    stdout: str
    stderr: str
    took_s: float


def ran(part: Part) -> Ended:
    name, command = part
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, capture_output=True, text=True, check=False)
    return Ended(name, command, done.returncode, done.stdout, done.stderr, time.perf_counter() - began)


def counted(output: str) -> tuple[int, int, int]:
    """passed, failed (errors included), skipped as the runner's closing line says."""

    def number(word: str) -> int:
        return sum(int(n) for n in re.findall(rf"(\d+) {word}", output.rstrip().rsplit("\n", 1)[-1]))

    return number("passed"), number("failed") + number("errors?"), number("skipped")


def main() -> int:
    passed = failed = skipped = 0
    shares: list[tuple[str, float, str]] = []
    began = time.perf_counter()
    for together in PARTS:
        with ThreadPoolExecutor(len(together)) as threads:
            for done in threads.map(ran, together):
                print(f"\n== {done.name}\n{(done.stdout + done.stderr)[-20_000:].rstrip()}", flush=True)
                if "pytest" in done.command:
                    ok, bad, skip = counted(done.stdout)
                    bad = max(bad, 1) if done.code else bad
                    passed, failed, skipped = passed + ok, failed + bad, skipped + skip
                else:
                    passed, failed = passed + (done.code == 0), failed + (done.code != 0)
                shares.append((done.name, done.took_s, "ok" if done.code == 0 else f"FAILED (exit {done.code})"))
    whole = time.perf_counter() - began
    print("\n== shares")
    for name, took, verdict in shares:
        print(f"{name:<18}{took:7.1f} s {100 * took / whole:4.0f} %  {verdict}")
    print(f"{'whole':<18}{whole:7.1f} s")
    if skipped and os.environ.get("CI"):
        print(f"{skipped} skipped: CI skips nothing")
        failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
