"""The files of tests/kit/stricken_house.py: its site, the profile of what publishes, its hook, the watcher's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.kit.outside import HOOK, SHORT

STEPS, PUMPS_A_MODULE = 30, 10

PROFILE = """
profile: pump-json
model: A pump's own controller that publishes what its three inputs show
kind: fire_pump
source: {document: "ours, for tests", addressing: zero_based}
mqtt: {topic: "pumps/{device}"}
points:
  phase_loss: {path: phase_loss, every: 1s}
  pump_running: {path: running, every: 1s}
  control_mode: {path: mode, every: 1s, values: {"0": manual, "1": auto}}
"""
SITE = """
site: {{id: house, name: 试验楼, zone: Asia/Shanghai, language: zh, practice: gb}}
connections:
  - {{id: bus, modbus_tcp: {{host: 127.0.0.1, port: {gateway}}}}}
  - {{id: radio, mqtt: {{host: 127.0.0.1, port: {broker}}}}}
channels:
  - {{id: first, type: webhook, url: 'http://127.0.0.1:{first}/', private: 127.0.0.1, secret: '${{HOUSE_SECRET}}'}}
  - {{id: second, type: webhook, url: 'http://127.0.0.1:{second}/', private: 127.0.0.1, secret: '${{HOUSE_SECRET}}'}}
escalation:
  night: "00:00-00:00"
  test: never
  readiness: {{steps: [{steps}], repeat: {repeat:g}s}}
rules: {{parameters: {{phase_loss: {{delay: 0s}}, device_offline: {{shortest: 5s}}}}}}
watch:
  every: {times.every:g}s
  stale_after: {times.stale:g}s
  pages_after: {times.pages:g}s
  outside_after: {times.outside:g}s
  hook: {hook}
  to: [{{url: 'http://127.0.0.1:{watcher}/heartbeat', secret: '${{WATCH_SECRET}}'}}]
{influxdb}
devices:
{devices}
equipment:
{equipment}
"""
WATCH = """
watch: {{zone: Asia/Shanghai, listen: '127.0.0.1:{port}', public_url: 'http://127.0.0.1:{port}'}}
limits: {{late: {times.late:g}s, again: {times.again:g}s}}
channels: [{{id: duty, type: webhook, url: '{told}', private: 127.0.0.1, secret: '${{WATCH_DUTY_SECRET}}'}}]
tell: [{{channel: duty}}]
installations: [{{id: house, name: 试验楼, secret: '${{WATCH_SECRET}}'}}]
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """wired, radio: machines behind the gateway, machines that publish. influx: with an engine or without.

    step_s: of a chain of STEPS, each of which tells everyone; repeat_s: after the last one, no less than the site file takes.
    """

    wired: int = 120
    radio: int = 40
    step_s: float = 4.0
    repeat_s: float = 30.0
    influx: bool = True


WHOLE = Plan()


def modules(plan: Plan) -> int:
    return -(-plan.wired // PUMPS_A_MODULE)


def write(folder: Path, plan: Plan, ports: Mapping[str, int], watch_port: int, told: str) -> None:
    """site.yaml, profiles/, watch.yaml, and `siren`, which writes into hook.txt. ports: by what they lead to. told: where the watcher tells."""
    hook = folder / "siren"
    hook.write_text(HOOK.format(told=folder / "hook.txt"))
    hook.chmod(0o755)
    (folder / "watch.yaml").write_text(WATCH.format(port=watch_port, times=SHORT, told=told))
    (folder / "profiles").mkdir()
    (folder / "profiles" / "pump-json.yaml").write_text(PROFILE)
    devices = [f"  - {{id: io-{m}, profile: generic-32di, connection: bus, unit: {m + 1}}}" for m in range(modules(plan))]
    equipment = [_wired(n) for n in range(plan.wired)]
    equipment += [f"  - {{id: mq-{n}, kind: fire_pump, name: 无线{n}号消防泵, profile: pump-json, connection: radio, topic: '{n}'}}" for n in range(plan.radio)]
    engine = f"influxdb: {{url: 'http://127.0.0.1:{ports['influx']}', api: 1, database: plantroom}}" if "influx" in ports else ""
    steps = ", ".join(f"{{after: {n * plan.step_s:g}s, tell: [everyone]}}" for n in range(STEPS))
    (folder / "site.yaml").write_text(
        SITE.format_map({
            **ports, "steps": steps, "repeat": plan.repeat_s, "times": SHORT, "hook": hook, "influxdb": engine,
            "devices": "\n".join(devices), "equipment": "\n".join(equipment),
        })
    )  # fmt: skip


def _wired(n: int) -> str:
    at = 3 * (n % PUMPS_A_MODULE)
    names = ("{as: control_mode, values: {0: manual, 1: auto}, period: 200ms}", "{as: pump_running, period: 200ms}", "{as: phase_loss, period: 200ms}")
    points = ", ".join(f"di_{at + i}: {name}" for i, name in enumerate(names, 1))
    return f"  - {{id: fp-{n}, kind: fire_pump, name: {n}号消防泵, points: [{{device: io-{n // PUMPS_A_MODULE}, take: {{{points}}}}}]}}"
