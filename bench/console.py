"""The console's web process on an installation with five years of records and 5,000 points: pages, event streams, CPU.

The process is the real one (`plantroom service web`) on a data folder written through the real journal and schema: a fault every two
hours for five years, each with its order, clocks and pages, and 5,000 points that all change each second. Measured: the process's own
CPU with nobody there, with 50 event streams of all values, with 50 of one machine each; every page's time from the client's side (it
includes the loopback), one request at a time, while the streams run. Bars: 10 % of a core, 100 ms at the 95th percentile, 50 streams.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import httpx
import numpy as np

from dashboards.console.access import Access
from dashboards.console.roles import Role
from plantroom.clock import NS, SystemClock
from plantroom.journal import Journal, encode_batch
from plantroom.model import Frame, one_row
from plantroom.site import Site
from tests.kit.console_client import PASSWORD
from tests.kit.console_site import Installation
from tests.kit.house import free_port

YEARS, EVERY_MIN, A_PAGE = 5, 120, 40
PAGES = ("/", "/faults", "/orders", "/equipment", "/equipment/gen-7", "/oncall", "/health", "/faults/F{last}-1", "/orders/O{last}-1",
         "/faults/F{middle}-1", "/api/v1/faults", "/api/v1/orders", "/api/v1/equipment/gen-7", "/health/alarms")  # fmt: skip


def site_text(machines: int) -> str:
    """Generators with a controller each, eight on a line."""
    lines = "".join(f"  - {{id: bus-{n}, modbus_tcp: {{host: 127.0.0.1, port: {2000 + n}}}}}\n" for n in range(-(-machines // 8)))
    each = "".join(
        f"  - {{id: gen-{n}, kind: generator, name: {n}号发电机, profile: smartgen-hgm4000n, connection: bus-{n // 8}, unit: {1 + n % 8}}}"
        "\n"
        for n in range(machines)
    )
    return f"site: {{id: hq, name: 总部大厦, zone: Asia/Shanghai, language: zh, practice: gb}}\nconnections:\n{lines}equipment:\n{each}"


def five_years(house: Installation, machines: int) -> int:
    """How many faults were written: all over but the newest ten."""
    many = YEARS * 365 * 24 * 60 // EVERY_MIN
    with house.records.transaction():
        for n in range(many):
            ago, machine, over = (many - n) * EVERY_MIN, f"gen-{n % machines}", n < many - 10
            severity = ("normal", "readiness", "advisory", "danger")[n % 4]
            condition, state = ("cleared", "closed") if over else ("active", "accepted")
            house.fault(f"F{n + 1}-1", machine, severity, rule=("low_fuel", "not_in_auto")[n % 2], minutes_ago=ago, condition=condition,
                        order=f"O{n + 1}-1")  # fmt: skip
            house.order(f"O{n + 1}-1", machine, severity, fault=f"F{n + 1}-1", state=state, minutes_ago=ago)
            house.page(f"P{n + 1}-1", f"F{n + 1}-1", f"O{n + 1}-1", "duty", "ok", minutes_ago=ago)
    house.records.db.execute("UPDATE fault SET ended_ns = raised_ns + ? WHERE ended_ns IS NOT NULL", (20 * 60 * NS,))
    house.engine_at(1)
    return many


class Telemetry(threading.Thread):
    """Every point, each second, all changing: a frame for each machine, as the collector writes them."""

    def __init__(self, data: Path, site: Site) -> None:
        super().__init__(daemon=True)
        self.clock, self.over = SystemClock(), threading.Event()
        self.writer = Journal(data / "hq" / "journal", self.clock).writer("collect")
        self.frames = [Frame(tuple(b.point for b in machine.bindings)) for machine in site.equipment.values() if machine.bindings]

    def run(self) -> None:
        turn = 0
        while not self.over.wait(1.0):
            turn += 1
            at_ns = self.clock.read().wall_ns
            batches = [one_row(f, at_ns, np.full(len(f.points), float(turn % 2)), np.zeros(len(f.points), np.uint8)) for f in self.frames]
            self.writer.append([encode_batch(batch) for batch in batches])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_a_core(pid: int, seconds: float) -> float:
    began_s, before = time.monotonic(), cpu_s(pid)
    time.sleep(seconds)
    return (cpu_s(pid) - before) / (time.monotonic() - began_s)


@contextmanager
def web(data: Path) -> Iterator[tuple[int, str]]:
    port = free_port()
    command = [sys.executable, "-m", "plantroom", "service", "web", "--data", str(data), "--listen", f"127.0.0.1:{port}"]
    with (data / "web.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{base}/healthz").status_code == 200:
                    break
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        yield process.pid, base
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--machines", type=int, default=93)  # of 54 points
    parser.add_argument("--streams", type=int, default=49)  # of 50; the last is a browser's own
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, file = Path(folder) / "data", Path(folder) / "hq.yaml"
        data.mkdir()
        file.write_text(site_text(options.machines))
        house = Installation(data, file, SystemClock())
        many = five_years(house, options.machines)
        house.close()
        access = Access(data / "access.db", SystemClock())
        access.add("bench", Role.ADMIN, PASSWORD, None)
        access.close()
        telemetry = Telemetry(data, house.site)
        telemetry.start()
        with web(data) as (pid, base):
            browser = httpx.Client(base_url=base, headers={"origin": base}, timeout=30)
            assert browser.post("/login", data={"name": "bench", "password": PASSWORD, "back": "/"}).status_code == 303
            time.sleep(5)
            print(f"{sum(len(frame.points) for frame in telemetry.frames)} points a second, {many} faults of {YEARS} years; nobody there: "
                  f"{share_of_a_core(pid, options.seconds):.1%} of a core")  # fmt: skip
            everybody, a_machine = "", "?equipment=gen-{n}"
            for many_streams, query in ((1, everybody), (options.streams, everybody), (options.streams, a_machine)):
                with ExitStack() as streams:
                    asked = ["/api/v1/events" + query.format(n=n) for n in range(many_streams)]
                    opened = [streams.enter_context(browser.stream("GET", url)) for url in asked]
                    refused = sum(stream.status_code != 200 for stream in opened)
                    for stream in opened:
                        threading.Thread(target=drain, args=(stream,), daemon=True).start()
                    time.sleep(2)
                    share = share_of_a_core(pid, options.seconds)
                    what = "of a machine each" if query else "of everything"
                    print(f"{many_streams} streams {what} ({refused} refused): {share:.1%} of a core")
                    if many_streams > 1 and not query:
                        pages(browser, pid, share, many)
                time.sleep(10)  # the server notices at its next word that they have gone
            print(f"bars: 10 %, 100 ms; load {os.getloadavg()[0]:.1f}")
            browser.close()
        telemetry.over.set()
        telemetry.join()


def drain(stream: httpx.Response) -> None:
    try:
        for _ in stream.iter_raw():
            pass
    except (httpx.HTTPError, httpx.StreamError):
        pass


def pages(browser: httpx.Client, pid: int, streams: float, many: int) -> None:
    """Each page's time from outside, and the CPU the process spent on it beside what the streams cost."""
    for path in PAGES:
        url = path.format(last=many, middle=many // 2)
        took, spent, began_s = [], cpu_s(pid), time.monotonic()
        for _ in range(A_PAGE):
            began = time.perf_counter()
            answer = browser.get(url)
            took.append(time.perf_counter() - began)
            assert answer.status_code == 200, (url, answer.status_code)
        own = max(0.0, cpu_s(pid) - spent - streams * (time.monotonic() - began_s)) / A_PAGE
        took.sort()
        p50, p95 = took[A_PAGE // 2] * 1e3, took[int(0.95 * A_PAGE)] * 1e3
        name = re.sub(r"[0-9]+-1", "...", url)
        print(f"  {name:<24} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   CPU {own * 1e3:5.1f} ms   {len(answer.content):7} B")


if __name__ == "__main__":
    main()
