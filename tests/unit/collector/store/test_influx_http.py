from __future__ import annotations

import asyncio
import gzip
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector.store.answers import Answer, Verdict
from collector.store.influx_http import InfluxEndpoint, follower_name, parameters, place
from plantroom.clock import VirtualClock
from plantroom.site import StoreTarget
from tests.kit.influx_v2_shim import Shim
from tests.kit.influxd import free_port
from tests.kit.telemetry import START_NS

V1 = StoreTarget("http://influx:8086/", 1, "plant", user="u", password="p")
V2 = StoreTarget("https://influx:8086/base/", 2, "plant", "org", "a-token")


def test_the_parameters_are_those_of_the_api() -> None:
    assert parameters(V1) == {"db": "plant", "precision": "ns"}
    assert parameters(StoreTarget("http://i", 1, "plant/raw")) == {"db": "plant", "precision": "ns", "rp": "raw"}
    assert parameters(V2) == {"bucket": "plant", "org": "org", "precision": "ns"}


def test_a_place_names_no_account_and_no_secret() -> None:
    assert place(V2) == "https://influx:8086/base plant"
    assert place(StoreTarget("http://user:secret@influx", 1, "plant")) == "http://influx plant"


def test_each_database_has_a_follower_of_its_own() -> None:
    others = [
        StoreTarget("http://influx:8086", 1, "other"),
        StoreTarget("http://elsewhere:8086", 1, "plant"),
        StoreTarget("http://influx:8086", 2, "plant", "org"),
    ]
    assert len({follower_name(target) for target in (V1, *others)}) == 4
    assert follower_name(V1) == follower_name(StoreTarget("http://influx:8086", 1, "plant", user="new", password="new"))


def test_an_unknown_api_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="api: 4 is unknown; 1 .* and 2"):
        InfluxEndpoint(StoreTarget("http://i", 4, "plant"), VirtualClock(START_NS))


def post(target: StoreTarget, *lines: bytes) -> Answer:
    async def once() -> Answer:
        async with InfluxEndpoint(target, VirtualClock(START_NS)) as endpoint:
            return await endpoint.post(lines)

    return asyncio.run(once())


def test_what_goes_out_is_gzip_with_the_accounts_header() -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    class Listening(Shim):
        def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            seen.append((headers, body))
            return 204, {}, b""

    with ExitStack() as stack:
        shim = stack.enter_context(Listening("http://nowhere"))
        assert post(StoreTarget(shim.url, 2, "plant", "org", "a-token"), b"m a=1 1", b"m a=2 2").verdict is Verdict.STORED
        post(StoreTarget(shim.url, 1, "plant", user="u", password="p"), b"m a=1 1")
    headers, body = seen[0]
    assert gzip.decompress(body) == b"m a=1 1\nm a=2 2\n"
    assert headers["Authorization"] == "Token a-token"
    assert seen[1][0]["Authorization"].startswith("Basic ")


def test_nobody_there_is_a_matter_of_time() -> None:
    answer = post(StoreTarget(f"http://127.0.0.1:{free_port()}", 1, "plant"), b"m a=1 1")
    assert answer.verdict is Verdict.LATER
    assert "ConnectError" in answer.text


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    class Redirecting(Shim):
        def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
            return 307, {"Location": "http://elsewhere/write"}, b""

    with Redirecting("http://nowhere") as shim:
        assert post(StoreTarget(shim.url, 2, "plant", "org", "a-token"), b"m a=1 1").verdict is Verdict.REFUSED
