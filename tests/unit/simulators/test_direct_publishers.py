"""Which publishing devices can be read without their messages: those whose document is values side by side and one stamp."""

from __future__ import annotations

from plantroom.profiles import BusLimits, DevicePoint, JsonPath, MqttShape, Profile
from simulators.direct_publishers_commands import sayable


def of(shape: MqttShape, **sources: JsonPath) -> Profile:
    points = {name: DevicePoint(name, source) for name, source in sources.items()}
    return Profile("p", "p", None, {}, BusLimits(), points, shape)


def test_values_side_by_side_are_and_anything_more_is_not() -> None:
    plain, speed, mode = MqttShape("t/{device}", "ts"), JsonPath("car.speed"), JsonPath("mode", values={"up": 1.0})
    assert sayable(of(plain, speed=speed, mode=mode), ())
    assert not sayable(of(MqttShape("t", seq="n"), speed=speed), ())
    assert not sayable(of(MqttShape("t", rows="$"), speed=speed), ())
    assert not sayable(of(MqttShape("t", sparkplug=True), speed=speed), ())
    assert not sayable(of(plain, speed=speed, again=speed), ())  # two points in one place
    assert not sayable(of(plain, speed=speed, inside=JsonPath("car.speed.value")), ())
    assert not sayable(of(plain, speed=JsonPath("car.speed", at="car.at")), ())
    assert not sayable(of(plain, speed=JsonPath("car.speed", unit_path="car.unit")), ())
    assert not sayable(of(plain, speed=JsonPath("", topic="t/speed")), ())
    assert not sayable(of(plain, stamp=JsonPath("ts")), ())
