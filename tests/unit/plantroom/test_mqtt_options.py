"""The mqtt options of a site file and the mqtt section of a profile: what is wrong is said, with its place and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.errors import BadInput
from plantroom.profile_file import parse_profile
from plantroom.profiles import Availability
from plantroom.site import Mqtt
from plantroom.site_file import load_site

SITE = """site: {{id: s, name: S, zone: UTC, language: en}}
connections:
  - {{id: b, mqtt: {{host: h{options}}}}}
devices:
{devices}
"""

PROFILE = "model: M\nsource: {document: d}\n"


def load(tmp_path: Path, options: str = "", *devices: str) -> Mqtt:
    file = tmp_path / "site.yaml"
    listed = "\n".join(f"  - {{{device}, connection: b}}" for device in devices)
    file.write_text(SITE.format(options=options, devices=listed))
    link = load_site(file, env={}).connections["b"].link
    assert isinstance(link, Mqtt)
    return link


def test_what_is_not_said_is_usual(tmp_path: Path) -> None:
    assert load(tmp_path) == Mqtt("h")
    link = load(tmp_path, ", ca: /c.pem, cert: /d.pem, key: /k.pem, version: 5.0, prefix: hq, session_expiry: 1h, device_rate: 5")
    assert (link.tls, link.port, link.version, link.prefix, link.session_expiry_s, link.device_rate) == (True, 8883, "5", "hq/", 3600.0, 5.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (", version: 6", "3.1.1 or 5"), (", ca: certs/ca.pem", "whole path"), (", cert: /c.pem", "and key belong together"),
        (", tls: false, ca: /c.pem", "there are certificates"), (", prefix: a/+", "no + and no #"), (", max_payload: 3", "bytes of one message"),
        (", session_expiry: 3", "length of time"), (", in_flight: 0", "1"), (", device_rate: 0", "1"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_used(tmp_path: Path, options: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        load(tmp_path, options)
    assert said in str(error.value) and "connections.b" in str(error.value)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        (("id: a, profile: sparkplug-ahu",), "group/node/device"), (("id: a, profile: sparkplug-ahu, topic: g/n/d/x",), "group/node/device"),
        (("id: a, profile: shelly-3em, topic: 'x/#'",), "does not name the device"),
        (("id: a, profile: sparkplug-ahu, topic: g/n/d", "id: b, profile: sparkplug-ahu, topic: g/n/d"), "is read by 'a' already"),
        (("id: a, profile: shelly-3em, topic: t", "id: b, profile: shelly-3em, topic: t"), "is read by 'a' already"),
        (("id: a, profile: plain, topic: t", "id: b, profile: wild, topic: x"), "is read by 'a' already"),
    ],
)  # fmt: skip
def test_a_topic_belongs_to_one_device(tmp_path: Path, devices: tuple[str, ...], said: str) -> None:
    (tmp_path / "profiles").mkdir()
    for name, topic in (("plain", "a/{device}/b"), ("wild", "+/t/#")):
        (tmp_path / "profiles" / f"{name}.yaml").write_text(f"{PROFILE}profile: {name}\nmqtt: {{topic: '{topic}'}}\npoints: {{x: {{path: v}}}}\n")
    with pytest.raises(BadInput) as error:
        load(tmp_path, "", *devices)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mqtt: {}\npoints: {x: {path: v}}", "has no topic"), ("mqtt: {topic: t}\npoints: {x: {path: 'a[b'}}", "is no path"),
        ("mqtt: {topic: t}\npoints: {x: {path: v, unit_path: u}}", "belong together"),
        ("mqtt: {topic: t}\npoints: {x: {path: v, unit: degC, unit_path: u, units: {V: V}}}", "cannot become degC"),
        ("mqtt: {topic: t}\npoints: {x: {topic: u, at: s}}", "neither time stamp nor unit"),
        ("mqtt: {form: sparkplug}\npoints: {x: {path: v}}", "metric"), ("mqtt: {form: sparkplug, topic: t}\npoints: {x: {metric: v}}", "told by Sparkplug"),
        ("mqtt: {form: sparkplug}\npoints: {x: {metric: v, alias: 3}}", "aliases: fixed"), ("mqtt: {topic: t, aliases: fixed}\npoints: {x: {path: v}}", "form: sparkplug"),
        ("mqtt: {topic: t, status: s, availability: [{topic: u}]}\npoints: {x: {path: v}}", "keep one of them"),
        ("mqtt: {topic: t, status: s, online: x, offline: x}\npoints: {x: {path: v}}", "both 'x'"),
        ("mqtt: {topic: 'a+/b'}\npoints: {x: {path: v}}", "is no topic"), ("mqtt: {topic: t, at: ts, at_format: min}\npoints: {x: {path: v}}", "form of time stamps"),
    ],
)  # fmt: skip
def test_what_a_profile_cannot_say(text: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_profile(PROFILE + text, "p.yaml")
    assert said in str(error.value)


def test_availability_in_three_spellings() -> None:
    spellings = ("status: s, online: up, offline: down", "availability_topic: s, payload_available: up, payload_not_available: down",
                 "availability: [{topic: s, online: up, offline: down}]")  # fmt: skip
    for spelling in spellings:
        shape = parse_profile(f"{PROFILE}mqtt: {{topic: t, {spelling}}}\npoints: {{x: {{path: v}}}}", "p.yaml").mqtt
        assert shape is not None and shape.availability == (Availability("s", "up", "down"),)
