"""`plantroom watch` under systemd: the unit file is sound, shuts out what it should, and lets the program do all that it does.

No systemd runs here, so what the sandbox would refuse is read from systemd's own lists and held against what the program asks the kernel for.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from plantroom.clock import SystemClock, iso
from plantroom.signature import sign
from tests.kit.house import free_port

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "plantroom-watch.service"
PROGRAM = "/opt/plantroom/bin/plantroom"
OURS = Path(sys.executable).with_name("plantroom")
MOST_EXPOSED = 2.0  # reliability S18
CONFIG = """
watch: {{zone: Asia/Shanghai, listen: "127.0.0.1:{port}"}}
channels: [{{id: duty, type: webhook, url: "http://127.0.0.1:9/", private: 127.0.0.1, secret: "${{DUTY_SECRET}}"}}]
tell: [{{channel: duty}}]
installations: [{{id: tower, name: 塔楼, secret: "${{TOWER_SECRET}}"}}]
"""
REFUSED = ("mbind",)  # numpy's OpenBLAS says near which processor memory is to lie, and goes on where it may not: so it is refused here, too
SECRETS = {"DUTY_SECRET": "d" * 32, "TOWER_SECRET": "t" * 32}


def unit(text: str) -> dict[str, list[str]]:
    """The keys of [Service], each with its lines."""
    found: dict[str, list[str]] = {}
    for line in text.partition("[Service]")[2].partition("[Install]")[0].splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def analyzed(tmp_path: Path, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    file = tmp_path / UNIT.name
    file.write_text((text or UNIT.read_text()).replace(PROGRAM, str(OURS)))
    return subprocess.run(["systemd-analyze", *command, str(file)], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.needs("systemd-analyze")
def test_systemd_reads_the_unit_without_a_word(tmp_path: Path) -> None:
    done = analyzed(tmp_path, "verify")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    wrong = analyzed(tmp_path, "verify", text=UNIT.read_text().replace("ProtectSystem", "ProtectsSystem"))
    assert "ProtectsSystem" in wrong.stderr, "the control"


@pytest.mark.needs("systemd-analyze")
def test_it_is_shut_in(tmp_path: Path) -> None:
    def exposed(text: str | None = None) -> float:
        done = analyzed(tmp_path, "security", "--offline=true", "--no-pager", text=text)
        found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
        assert found, done.stderr
        return float(found[1])

    assert exposed() <= MOST_EXPOSED
    bare = "\n".join(line for line in UNIT.read_text().splitlines() if not line.startswith(("Protect", "Private", "Capability", "DynamicUser", "Restrict", "SystemCall")))
    assert exposed(bare) > 5, "the control: without its sandbox"


def test_the_unit_runs_the_command_as_the_documents_say() -> None:
    service = unit(UNIT.read_text())
    assert service["ExecStart"] == [f"{PROGRAM} watch /etc/plantroom/watch.yaml --data /var/lib/plantroom-watch"]
    assert service["StateDirectory"] == ["plantroom-watch"], "the folder it may write"
    assert service["Restart"] == ["always"] and "StartLimitIntervalSec=0" in UNIT.read_text()
    docs = (ROOT / "docs" / "watch.md").read_text()
    assert all(word in docs for word in ("deploy/systemd/plantroom-watch.service", "/etc/plantroom/watch.env", "/etc/plantroom/watch.yaml"))
    configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True).read_string(UNIT.read_text())


def calls_of(*groups: str) -> set[str]:
    """The system calls of these groups, as the installed systemd has them."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True).stdout
    listed: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("@"):
            group = listed.setdefault(line.strip(), [])
        elif line.strip() and not line.strip().startswith("#"):
            group.append(line.strip())

    def walk(name: str) -> Iterator[str]:
        for one in listed[name]:
            if one.startswith("@"):
                yield from walk(one)
            else:
                yield one

    return {call for name in groups for call in walk(name)}


@contextmanager
def watching(folder: Path) -> Iterator[tuple[str, Path]]:
    """`plantroom watch` under strace: its address, and what strace writes."""
    port, trace = free_port(), folder / "trace"
    (folder / "watch.yaml").write_text(CONFIG.format(port=port))
    refused = [word for call in REFUSED for word in ("-e", f"inject={call}:error=EPERM")]
    command = ["strace", "-f", "-qq", "-o", str(trace), "-e", "raw=all", *refused, str(OURS), "watch", str(folder / "watch.yaml"), "--data", str(folder / "data"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", **SECRETS}, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"], trace
    finally:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children or [str(process.pid)]:  # strace itself hands no signal on
            os.kill(int(child), signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.mark.needs("systemd-analyze", "strace")
def test_the_sandbox_refuses_nothing_that_it_does(tmp_path: Path) -> None:
    """Started, heard a heartbeat, told somebody (in vain) that the building is blind, wrote down what it knows, ended."""
    with watching(tmp_path) as (url, trace):
        sent = {
            "v": 1, "site": "tower", "sent_at": iso(SystemClock().read().wall_ns), "every_s": 20.0, "good": False,
            "troubles": [{"aspect": "polls", "for_s": 300.0}], "progress": {},
        }  # fmt: skip
        body = json.dumps(sent).encode()
        answer = httpx.post(url, content=body, headers={"content-type": "application/json", "x-plantroom-signature": sign(SECRETS["TOWER_SECRET"], body)})
        assert answer.status_code == 200, answer.text
        assert httpx.get(url.replace("/heartbeat", "/healthz")).status_code == 200
    text = trace.read_text(errors="replace")
    made = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", text, re.MULTILINE))
    assert {"execve", "accept4", "fsync", "renameat2"} & made and "socket" in made, "the control: it was looked at"
    service = unit(UNIT.read_text())
    allowed: set[str] = set()
    for line in service["SystemCallFilter"]:
        groups = line.removeprefix("~").split()
        allowed = allowed - calls_of(*groups) if line.startswith("~") else allowed | calls_of(*groups)
    assert service["SystemCallErrorNumber"] == ["EPERM"] and made - allowed <= set(REFUSED)
    families = {int(number, 16) for number in re.findall(r"\bsocket\((0x[0-9a-f]+|\d+),", text)}
    named = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
    assert families <= {named[word] for word in service["RestrictAddressFamilies"][0].split()}
    executable = [flags for flags in re.findall(r"\bmmap\(\S+, \S+, (0x[0-9a-f]+|\d+),", text) if int(flags, 16) & 6 == 6]
    assert executable == [], "MemoryDenyWriteExecute"
