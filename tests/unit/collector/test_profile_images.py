"""Every shipped profile decodes its device's register image into what a person worked out from the vendor's document by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from collector.bindings import plan_profile, wanted_spans
from collector.image import decoded, differences, load_image
from collector.intake import Intake
from collector.mqtt_packets import Publish
from collector.payloads import PayloadDecoder
from collector.poll_plan import most_cells
from collector.publishers import publishers
from plantroom.clock import Reading
from plantroom.model import Batch, Quality
from plantroom.profile_file import load_profile
from plantroom.profiles import registers_of
from plantroom.site import Binding, Device
from tests.unit.collector.lines import number

IMAGES = Path(__file__).parents[2] / "cases" / "profiles"
NAMES = sorted(path.name for path in IMAGES.iterdir() if path.is_dir())
MODBUS = [name for name in NAMES if (IMAGES / name / "registers.yaml").exists()]
WALL_NS = 1_772_380_800_250_000_000


def yaml(name: str, file: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load((IMAGES / name / file).read_text()))


@pytest.mark.parametrize("name", MODBUS)
def test_every_image_reads_as_by_hand(name: str) -> None:
    profile = load_profile(name)
    for folder in (IMAGES / name, IMAGES / name / "second"):
        if folder.is_dir():
            image, expected = load_image(folder)
            assert expected and differences(decoded(profile, image, list(profile.points)), expected, profile) == []


@pytest.mark.parametrize("name", MODBUS)
def test_each_point_read_by_itself_is_the_same(name: str) -> None:
    """A decode does not depend on the reads the planner happened to choose."""
    profile, (image, expected) = load_profile(name), load_image(IMAGES / name)
    together = decoded(profile, image, list(profile.points))
    for point in expected:
        assert decoded(profile, image, [point]) == {point: together[point]}


@pytest.mark.parametrize("name", MODBUS)
def test_the_plan_keeps_the_devices_limits(name: str) -> None:
    profile = load_profile(name)
    for reads, _ in plan_profile(profile, list(profile.points)):
        for read in reads:
            assert read.count <= most_cells(read.table, profile.bus)
    for point in profile.points.values():
        spans = wanted_spans(point, profile.bus)
        assert sum(span.count for span in spans) >= len({(r.table, r.address) for r in registers_of(point.source)})


def test_the_payload_reads_as_by_hand() -> None:
    profile, expected = load_profile("mqtt-json-elevator"), yaml("mqtt-json-elevator", "expected.yaml")
    names = list(profile.points)
    bindings = [Binding(f"l.{name}", "d", name, number(name)) for name in names]
    payload = (IMAGES / "mqtt-json-elevator" / "payload.json").read_bytes()
    (batch,) = PayloadDecoder(profile, bindings).decode(payload, WALL_NS, 0).batches
    assert batch.stamped and batch.at_ns.tolist() == [WALL_NS] and set(expected) == set(names)
    found = {
        name: (None if code else value, "absent" if code == Batch.ABSENT else Quality(code).word)
        for name, value, code in zip(names, batch.values[0].tolist(), batch.quality[0].tolist(), strict=True)
    }
    for name, want in expected.items():
        by_hand = want["value"] if want["value"] is None else pytest.approx(want["value"], rel=1e-9)
        assert found[name] == (by_hand, want["quality"]), name
        assert profile.points[name].unit == want["unit"]


MQTT = [name for name in NAMES if (IMAGES / name / "messages.yaml").exists()]


@pytest.mark.parametrize("name", MQTT)
def test_messages_read_as_by_hand(name: str) -> None:
    """The newest sample of every point, as the device says it: topics, plain values, documents, Sparkplug."""
    profile, image, expected = load_profile(name), yaml(name, "messages.yaml"), yaml(name, "expected.yaml")
    bindings = [Binding(f"l.{point}", "d", point, number(point)) for point in profile.points]
    it = Intake("broker", publishers([(Device("d", profile, "broker", topic=image["device"]), bindings)]), 10_000, 1000.0, 0.0)
    found: dict[str, tuple[object, str]] = {point: (None, "absent") for point in profile.points}
    for message in image["messages"]:
        payload = bytes.fromhex(message["hex"]) if "hex" in message else message["text"].encode()
        for batch in it.take(Publish(message["topic"].encode(), payload, 0, 0, False, False, len(payload)), Reading(WALL_NS, 10**9, "boot0000")):
            for point, value, code in zip(batch.frame.points, batch.values[-1].tolist(), batch.quality[-1].tolist(), strict=True):
                if code != Batch.ABSENT:
                    found[point.removeprefix("l.")] = (None if code else value, Quality(code).word)
    assert set(expected) == set(profile.points) and not it.counts["no device has this topic"]
    for point, want in expected.items():
        by_hand = want["value"] if want["value"] is None else pytest.approx(want["value"], rel=1e-9)
        assert found[point] == (by_hand, want["quality"]), point
        assert profile.points[point].unit == want["unit"]


def test_every_shipped_profile_has_its_image() -> None:
    from plantroom.profile_file import profile_names

    assert set(profile_names()) <= set(NAMES)
