"""What a broker's reason codes mean, and what to do about them: MQTT 3.1.1 (3.2.2.3, 3.9.3) and 5 (2.4)."""

from __future__ import annotations

from collector.mqtt_packets import V5

_V3_CONNECT = {
    1: "it does not speak MQTT 3.1.1: write `version: 5`",
    2: "it does not take our client id: set `client_id`",
    3: "it is not available just now",
    4: "wrong user or password",
    5: "not authorised: check user, password and its access list",
}
_V5 = {
    0x00: "it ends the connection",
    0x04: "it ends the connection and publishes our will",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "it refuses for a reason of its own",
    0x84: "it does not speak MQTT 5: write `version: 3.1.1`",
    0x85: "it does not take our client id: set `client_id`",
    0x86: "wrong user or password",
    0x87: "not authorised: check user, password and its access list",
    0x88: "it is not available just now",
    0x89: "it is busy",
    0x8A: "this client is banned",
    0x8B: "it is shutting down",
    0x8C: "it wants another way to log in",
    0x8D: "it heard nothing from us for one and a half keep-alives",
    0x8E: "another client has taken our client id: two collectors must not share one (`client_id`)",
    0x8F: "the topic filter is not valid",
    0x90: "the topic is not valid",
    0x93: "more messages unanswered than we asked for",
    0x94: "topic alias not valid",
    0x95: "packet too large",
    0x96: "too many messages",
    0x97: "quota exceeded",
    0x98: "an administrator ended the connection",
    0x9A: "it keeps no retained messages",
    0x9B: "it does not do QoS 1",
    0x9C: "it wants us to use another server for now",
    0x9D: "the server has moved: set `host`",
    0x9E: "it does not do shared subscriptions",
    0x9F: "too many connections in a short time",
    0xA0: "the longest time a connection may last is over",
    0xA1: "it does not do subscription identifiers",
    0xA2: "it does not do wildcards in subscriptions: name the topics one by one",
}


def refusal(level: int, code: int, reason: str) -> str:
    """Why a broker refuses the connection."""
    words = (_V5 if level == V5 else _V3_CONNECT).get(code, "a code the specification does not know")
    return _told(words, code, reason)


def farewell(code: int, reason: str) -> str:
    """Why a broker ends the connection (MQTT 5)."""
    return _told(_V5.get(code, "a code the specification does not know"), code, reason)


def no_subscription(level: int, code: int, reason: str) -> str:
    """Why a broker refuses a subscription: codes from 0x80."""
    words = _V5.get(code, "refused") if level == V5 else "refused"
    return _told(f"{words}; allow reading it in the broker's access list", code, reason)


def _told(words: str, code: int, reason: str) -> str:
    own = f"; it says: {reason[:200]}" if reason else ""
    return f"{words} (code {code:#04x}){own}"
