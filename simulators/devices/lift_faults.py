"""What has gone wrong with a lift: an upset asks for it, but a car that is to stop between floors has to be there first."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING

from simulators.devices.car import Phase
from simulators.devices.traffic import Call

if TYPE_CHECKING:
    from simulators.devices.elevator import Elevator

# The brake falls in between two floors.
HALTING = ("passenger_entrapment", "stopped_outside_door_zone", "safety_chain_broke_moving", "mains_failure_between_floors")
# It opens its doors at a landing and takes nobody.
OUT_OF_USE = frozenset({"lift_common_fault", "lift_fault_occupied", "mode_left_in_inspection", "run_time_exceeded"})
# Once one of these has happened a lift stays where it stands.
STANDING = OUT_OF_USE | {*HALTING, "safety_chain_open", "unintended_movement", "door_fails_to_open", "door_fails_to_open_occupied"}
RECALLS = frozenset({"lift_recall_failed", "lift_recall_test_failed", "lift_recall_without_fire"})
DEAF = frozenset({"lift_recall_failed", "lift_recall_test_failed"})  # it does not follow a recall
AT_ONCE = frozenset({"lift_common_fault", "lift_fault_occupied", "mode_left_in_inspection", "mains_failure_elevator"})
HELD_AT_M = 0.9  # where the rope brake holds a car that slides

# upset -> (members of fault_signals, maker's code): what the controller says of it
SIGNALS: Mapping[str, tuple[tuple[str, ...], float]] = {
    "passenger_entrapment": (("safety_interlock", "stopped_outside_landing_zone"), 35.0),
    "safety_chain_broke_moving": (("safety_interlock", "stopped_outside_landing_zone"), 41.0),
    "safety_chain_open": (("safety_interlock",), 41.0),
    "stopped_outside_door_zone": (("drive_and_motor", "stopped_outside_landing_zone"), 33.0),
    "mains_failure_between_floors": (("power_supply", "stopped_outside_landing_zone"), 29.0),
    "mains_failure_elevator": (("power_supply",), 29.0),
    "unintended_movement": (("safety_interlock",), 65.0),
    "lift_common_fault": (("drive_and_motor",), 51.0),
    "lift_fault_occupied": (("drive_and_motor",), 51.0),
    "run_time_exceeded": (("run_time_limit",), 30.0),
    "position_lost": (("position_lost",), 38.0),
    "door_fails_to_close": (("door_closing",), 52.0),
    "light_curtain_blocked": (("door_closing",), 52.0),
    "door_fails_to_open": (("door_opening",), 48.0),
    "door_fails_to_open_occupied": (("door_opening",), 48.0),
    "mode_left_in_inspection": ((), 0.0),
}
CHAIN_OPEN = frozenset({"passenger_entrapment", "safety_chain_broke_moving", "safety_chain_open", "unintended_movement"})
# What the common-fault contact does not tell.
UNTOLD = frozenset(
    {
        *("mains_failure_elevator", "mains_failure_between_floors", "door_fails_to_close", "light_curtain_blocked"),
        *("position_lost", "mode_left_in_inspection"),
    }
)


class LiftFaults:
    """happened: upsets that have come about. alarm, answer: from and until when the button is pressed, the intercom answered (epoch s)."""

    def __init__(self, lift: Elevator) -> None:
        self._lift = lift
        self.happened: set[str] = set()
        self.alarm = self.answer = (inf, inf)
        self.unpowered = False  # its own supply is gone
        self.lost = False  # it does not know where it is
        self._recounted = False
        self._bits = {
            name: sum(1 << int(lift.codes("fault_signals")[member]) for member in members) for name, (members, _) in SIGNALS.items()
        }

    @property
    def stands(self) -> bool:
        return not STANDING.isdisjoint(self.happened)

    @property
    def out_of_use(self) -> bool:
        return not OUT_OF_USE.isdisjoint(self.happened)

    @property
    def chain_open(self) -> bool:
        return not CHAIN_OPEN.isdisjoint(self.happened)

    @property
    def contact(self) -> bool:
        """The common-fault contact on the terminal strip."""
        return not self.happened <= UNTOLD

    def signals(self) -> float:
        mask = 0
        for name in self.happened:
            mask |= self._bits[name]
        return float(mask)

    def maker_code(self) -> float:
        return max((SIGNALS[name][1] for name in self.happened), default=0.0)

    def comes_about(self, *names: str) -> None:
        """Those of them that are asked for have now happened."""
        self.happened.update(name for name in names if name in self._lift.upsets)

    # an upset begins, and ends

    def begun(self, name: str, settings: Mapping[str, float], now_s: float) -> None:
        lift, car, floors = self._lift, self._lift.car, self._lift.shaft.floors
        if name in AT_ONCE:
            self.happened.add(name)
        if name in HALTING:
            self.alarm = (inf, inf)
            if car.phase is not Phase.RIDING:
                lift.round.send_away(settings.get("load", 0.0), now_s)
        elif name in ("passenger_alarm_pressed", "passenger_alarm_unanswered"):
            self.alarm = (now_s + 5.0, now_s + 5.0 + settings["hold_s"])
            answer_s = now_s + 5.0 + settings.get("answer_s", inf)
            self.answer = (answer_s, answer_s + 60.0)
        elif name == "mains_failure_elevator":
            self.unpowered = True
        elif name in ("overspeed", "overspeed_warning", "position_lost", "run_time_exceeded"):
            self._recounted = False
            lift.calls.extendleft((Call(floors, 1, 1), Call(1, floors, 1)))  # a long way up and down
        elif name in ("door_fails_to_open", "door_fails_to_open_occupied"):
            away = 1 if car.floor > 1 else floors
            lift.calls.appendleft(Call(away, car.floor, 1) if name == "door_fails_to_open" else Call(car.floor, away, 2))
        elif name in ("door_fails_to_close", "light_curtain_blocked", "unintended_movement", "levelling_trip_hazard"):
            if car.phase is Phase.PARKED and name != "levelling_trip_hazard":
                lift.round.open_doors(now_s)
        elif name in ("mode_left_in_inspection", "trip_count_stall"):
            lift.calls.clear()
        elif name == "lift_recall_failed":
            lift.around.fire = True

    def ended(self, name: str, now_s: float) -> None:
        lift = self._lift
        self.happened.discard(name)
        if name in ("mains_failure_elevator", "mains_failure_between_floors"):
            self.unpowered = False
        elif name == "lift_recall_failed":
            lift.around.fire = False
        elif name in ("passenger_alarm_pressed", "passenger_alarm_unanswered", "passenger_entrapment"):
            self.alarm = self.answer = (inf, inf)
        elif name == "position_lost":
            self.lost = False
        if name in STANDING and lift.car.phase in (Phase.HALTED, Phase.SHUT, Phase.SLIDING, Phase.STRAINING):
            lift.round.set_free(now_s)

    # as time passes

    def suffer(self, now_s: float) -> None:
        lift, car, upsets = self._lift, self._lift.car, self._lift.upsets
        if car.phase is Phase.SLIDING:
            car.slide(upsets["unintended_movement"]["speed"], HELD_AT_M, now_s)
            if car.speed == 0.0:
                lift.round.halt(now_s, doors_open=True)
        elif car.phase is Phase.RIDING and car.between and now_s - car.begun > 2.0:
            for name in HALTING:
                if name in upsets and not (name == "stopped_outside_door_zone" and lift.load):
                    self._halted_by(name, now_s)
                    break
        if "safety_chain_open" in upsets and car.phase is not Phase.RIDING:  # pressed in the pit while it stands
            self.happened.add("safety_chain_open")
        if "position_lost" in upsets:
            self._lose_position()

    def _halted_by(self, name: str, now_s: float) -> None:
        lift = self._lift
        lift.round.halt(now_s)
        self.happened.add(name)
        self.unpowered = self.unpowered or name == "mains_failure_between_floors"
        if name == "passenger_entrapment":
            settings = lift.upsets[name]
            lift.load = max(lift.load, settings["load"])
            lift.aboard = lift.aboard or Call(lift.car.floor, lift.car.target, 2)
            self.alarm = (now_s + settings["alarm_after_s"], inf)
            self.answer = (self.alarm[0] + 15.0, inf)

    def _lose_position(self) -> None:
        """Once, somewhere up the shaft; found again at the lowest landing."""
        car = self._lift.car
        if not self._recounted and not self.lost and car.nearest >= 4 and not (car.phase is Phase.RIDING and car.target < 4):
            self.lost = True
            self.happened.add("position_lost")
        elif self.lost and car.floor == 1 and car.phase is not Phase.RIDING:
            self.lost, self._recounted = False, True
            self.happened.discard("position_lost")
