"""A kit with lifts: one that tells by dry contacts where it stands and whether it runs, one without telemetry."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plantroom.journal.record import encode_batch
from plantroom.model import Frame, one_row
from rules.book import pack
from tests.kit.engine import PEOPLE, RULES, Kit, peopled

LIFT = """
  - id: lift-1
    kind: elevator
    name: 1号客梯
    location: B座
    state: {state}
    rescue: {{phone: "8013", code: "320017", hotline: "400-600-0000", key: 值班室钥匙柜12号, way: 核心筒楼梯到屋面右转}}
    points:
      - {{device: io-1, take: {{di_20: {{as: common_fault}}, di_21: {{as: car_door_zone}}, di_22: {{as: running}}, di_23: {{as: passenger_alarm}}}}}}
  - {{id: lift-2, kind: elevator, name: 2号货梯}}
"""
AT_REST = {"common_fault": 0, "car_door_zone": 1, "running": 0, "passenger_alarm": 0}
_LIFT_RULES = ("passenger_entrapment", "entrapment_reported")
LIFT_RULES: Mapping[str, str] = {
    **{name: text for name, text in RULES.items() if "delivery_failed" not in name},
    **{rule.file: rule.text for rule in pack().rules if rule.id in _LIFT_RULES},
}


def lifts(state: str = "in_service", people: str = PEOPLE) -> str:
    return peopled(people, LIFT.format(state=state))


def ride(kit: Kit, seconds: int, **different: float) -> None:
    """The lift stays as it is, once a second, with its ticks."""
    for _ in range(seconds):
        points = {**AT_REST, **different}
        frame = Frame(tuple(f"lift-1.{name}" for name in points))
        values = np.array(list(points.values()), np.float64)
        kit.append(encode_batch(one_row(frame, kit.clock.read().wall_ns, values, np.zeros(len(points), np.uint8))), "collect")
        kit.tick()
