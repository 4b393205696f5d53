"""Sees to the outside programs the tests start. On Debian as root it installs them; elsewhere it says exactly what is missing.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# program -> Debian package
PROGRAMS = {
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "influxd": "influxdb",
    "mbpoll": "mbpoll",  # brings libmodbus5, which tests also call themselves
    "strace": "strace",
    "chromium": "chromium",
    "docker-compose": "docker-compose",
    "dovecot": "dovecot-imapd",
}
FONTS = {"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk"}


def missing() -> dict[str, str]:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin"
    absent = {program: package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None}
    return absent | {font: package for font, package in FONTS.items() if not Path(font).exists()}


def install(packages: list[str]) -> None:
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=False, env=quiet)
    log = subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", *packages], check=False, env=quiet, capture_output=True, text=True
    )
    if log.returncode:
        print(log.stdout[-2000:], log.stderr[-2000:], file=sys.stderr)


def main() -> int:
    absent = missing()
    if absent and Path("/etc/debian_version").exists() and os.geteuid() == 0:
        print("installing with apt-get:", " ".join(sorted(set(absent.values()))))
        install(sorted(set(absent.values())))
        absent = missing()
    for program, package in absent.items():
        print(f"missing: {program} (Debian package {package}); the tests that start it are skipped and listed")
    return 1 if absent and os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
