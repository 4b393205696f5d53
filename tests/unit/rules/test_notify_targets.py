"""S9: no page leaves for a network of the house's own that the site file does not list, however its address is written or its name answered."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvloop

from plantroom.networks import host_of, listed, literal, may
from rules.notify import apprise, lookup, pinned, webhook
from rules.notify.apprise_worker import Watched
from rules.notify.page import Answer
from rules.outbox import Verdict
from tests.contract.channel_stub import PAGE

PRIVATE = (  # loopback, private, link-local (metadata of a cloud), CGNAT, this network, test nets, multicast, broadcast
    "127.0.0.1", "127.8.9.1", "10.0.0.5", "172.16.0.1", "172.31.255.254", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "0.0.0.0", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1",
)  # fmt: skip
PRIVATE_6 = (
    "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b:1::a00:5", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::7f00:1",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "203.119.1.1", "223.5.5.5", "2400:3200::1", "2606:4700::1111")


def wrapped(four: str) -> Iterator[str]:
    """An IPv4 address in the clothes of an IPv6 one: mapped, NAT64, 6to4, Teredo."""
    number = int(ipaddress.IPv4Address(four))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    yield from (f"::ffff:{four}", f"::ffff:{high}:{low}", f"64:ff9b::{four}", f"2002:{high}:{low}::1")
    yield f"2001:0:{'5db8:d822'}:0:0:{(number ^ 0xFFFFFFFF) >> 16:x}:{(number ^ 0xFFFFFFFF) & 0xFFFF:x}"


def written(four: str) -> Iterator[str]:
    """As some resolvers read it: one number, octal, hexadecimal, fewer parts, a dot behind."""
    a, b, c, d = (int(part) for part in four.split("."))
    number = int(ipaddress.IPv4Address(four))
    yield from (str(number), hex(number), f"0{number:o}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}")
    yield from (f"{a}.{(b << 16) + (c << 8) + d}", f"{a}.{b}.{(c << 8) + d}", f"{four}.", f"{a:#x}.{b}.{c}.0{d:o}")


def vectors() -> list[str]:
    urls = [f"http://{host}/hook" for host in PRIVATE] + [f"http://[{host}]/hook" for host in PRIVATE_6]
    for four in ("127.0.0.1", "10.0.0.5", "169.254.169.254", "192.168.1.1"):
        urls += [f"http://{host}/hook" for host in written(four)] + [f"https://[{host}]:8443/hook" for host in wrapped(four)]
        urls += [f"http://user:pass@{four}/", f"http://example.com@{four}/", f"http://{four}#@example.com/", f"http://{four}?@example.com/", f"HTTP://{four}:80/"]
    urls += ["http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://localhost:15/", "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/"]
    urls += ["http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/", "http://[fe80::1%25lo]/", "http://[fe80::1%25eth0]/", "http://[::1%25lo]/"]
    urls += [f"http://name-of-{n}/" for n in range(len(PRIVATE) + len(PRIVATE_6))]  # a name that answers with each of them
    urls += ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://10.0.0.5/", "dict://127.0.0.1:11211/", "unix:///run/docker.sock", "http:///etc/passwd", "//127.0.0.1/"]
    return urls


class Net:
    """Names as `answers` has them, numbers as the system reads them; every connection that would be made is written down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.reached: list[httpx.Request] = []
        self.dead: set[str] = set()
        self.answers: dict[str, list[list[str]]] = {f"name-of-{n}": [[address]] for n, address in enumerate((*PRIVATE, *PRIVATE_6))}
        system = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            self.asked.append(name)
            if name in self.answers:
                now = self.answers[name].pop(0) if len(self.answers[name]) > 1 else self.answers[name][0]
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in now]
            if name.strip(".").lower() != "localhost" and not name[:1].isdigit():
                raise socket.gaierror(-2, "unknown")
            return system(host, port, *more, **named)

        async def handle(transport: object, request: httpx.Request) -> httpx.Response:
            self.reached.append(request)
            if request.url.host in self.dead:
                raise httpx.ConnectTimeout("dead")
            return httpx.Response(200, stream=httpx.ByteStream(b'{"ok":true}'))

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)

    def send(self, url: str, *private: str) -> Answer:
        return asyncio.run(webhook.send({"url": url, "private": private, "secret": "s3cret"}, PAGE, timeout_s=5))


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    return Net(monkeypatch)


def test_a_hundred_ways_into_the_house_lead_nowhere(net: Net) -> None:
    urls = vectors()
    assert len(set(urls)) >= 100
    for url in urls:
        assert net.send(url).verdict is not Verdict.ACCEPTED and net.reached == [], url


def test_the_control_without_the_look_at_the_address_they_arrive(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "may", lambda *of: True)
    arrived = sum(net.send(url).verdict is Verdict.ACCEPTED for url in vectors())
    assert arrived >= 100


def test_what_is_listed_or_public_is_reached_under_its_name(net: Net) -> None:
    net.answers |= {"gw.house": [["10.1.2.3"]], "ntfy.example": [[PUBLIC[0]]], "two.example": [["10.0.0.5", PUBLIC[1]]]}
    assert net.send("http://10.1.2.3/").verdict is Verdict.REFUSED
    assert net.send("http://gw.house/").verdict is Verdict.RETRY, "a name may lead elsewhere tomorrow"
    for url, private in (("http://10.1.2.3/", "10.1.2.3"), ("http://gw.house:8080/x", "10.1.0.0/16"), ("https://ntfy.example/", ""), ("https://two.example/", "")):
        net.reached.clear()
        assert net.send(url, *filter(None, [private])).verdict is Verdict.ACCEPTED
        [request] = net.reached
        assert request.headers["host"] == httpx.URL(url).netloc.decode() and request.extensions["sni_hostname"] == httpx.URL(url).host
        assert request.url.host in ("10.1.2.3", PUBLIC[0], PUBLIC[1]) and request.url.port == httpx.URL(url).port
    assert net.send("http://10.1.2.4/", "10.1.2.3").verdict is Verdict.REFUSED, "one address is no network"


def test_a_name_that_answers_otherwise_the_second_time_is_asked_once(net: Net) -> None:
    net.answers["rebinding.example"] = [[PUBLIC[0]], ["127.0.0.1"]]
    net.dead = {PUBLIC[0]}
    assert net.send("http://rebinding.example/").verdict is Verdict.RETRY
    assert [request.url.host for request in net.reached] == [PUBLIC[0]] and net.asked == ["rebinding.example"]


def test_a_family_that_leads_nowhere_does_not_keep_the_other_from_being_tried(net: Net) -> None:
    net.answers["both.example"] = [[PUBLIC[4], PUBLIC[0]]]
    net.dead = {PUBLIC[4]}
    assert net.send("https://both.example/").verdict is Verdict.ACCEPTED
    connect_s = [request.extensions["timeout"]["connect"] for request in net.reached]
    assert [request.url.host for request in net.reached] == [PUBLIC[4], PUBLIC[0]] and connect_s == [pinned.FIRST_S, 5]


def test_an_address_is_judged_by_what_it_reaches() -> None:
    for text in (*PRIVATE, *PRIVATE_6, *(one for four in PRIVATE for one in wrapped(four))):
        assert not may(ipaddress.ip_address(text)), text
    for text in (*PUBLIC, *(one for one in wrapped("8.8.8.8") if not one.startswith("2001:0:"))):
        assert may(ipaddress.ip_address(text)), text
    assert may(ipaddress.ip_address("::ffff:10.0.0.5"), listed(("10.0.0.0/8",))) and not may(ipaddress.ip_address("::ffff:10.0.0.5"), listed(("fd00::/8",)))


@pytest.mark.parametrize(("url", "host"), [
    ("http://Gw.House:80/x", "gw.house"), ("https://u:p@10.0.0.5/", "10.0.0.5"), ("http://[::1]:80/", "::1"), ("http://a?b@c", "a"), ("", ""),
])  # fmt: skip
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host and (literal(host) is None) == (host in ("gw.house", "a", ""))


def test_apprises_process_is_stopped_before_it_connects() -> None:
    """The hook itself; that it stands in the process: the contract test of the channel."""
    hook = Watched(listed(("10.1.0.0/16",)))
    for event, where in (("socket.connect", ("10.1.2.3", 80)), ("socket.connect", (PUBLIC[0], 443)), ("socket.sendto", (PUBLIC[3], 443, 0, 0)), ("open", "/etc/passwd")):
        hook(event, (None, where))
    for event, where in (("socket.connect", ("127.0.0.1", 80)), ("socket.connect", "/run/docker.sock"), ("socket.sendto", ("169.254.169.254", 80)), ("socket.connect", ("localhost", 80))):
        with pytest.raises(PermissionError):
            hook(event, (None, where))
    assert "apprise" not in sys.modules, "and the service's own process is not watched"


def test_an_apprise_url_of_a_person_is_held_to_the_same_list() -> None:
    answer = asyncio.run(apprise.send({"secret": "json://8.8.8.8/", "private": ("10.0.0.0/8",)}, replace(PAGE, to="json://127.0.0.1:9/"), timeout_s=30))
    assert answer.verdict is Verdict.RETRY and "no public network" in answer.text, answer


def test_a_name_server_that_hangs_costs_the_channel_that_asked_and_no_other(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """F26, under the service's own loop, which looks names up in two threads for all."""
    answered, system = threading.Event(), socket.getaddrinfo

    def hangs(host: Any, *more: Any, **named: Any) -> Any:
        if host == "hangs.example":
            answered.wait(20)
        return system(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    net.answers |= {"hangs.example": [[PUBLIC[0]]], "other.example": [[PUBLIC[1]]]}

    async def one(name: str, timeout_s: float) -> Answer:
        return await webhook.send({"url": f"http://{name}/"}, PAGE, timeout_s=timeout_s)

    async def run() -> None:
        hanging = await asyncio.gather(*(one("hangs.example", 0.1) for _ in range(lookup.MOST_OF_ONE + 4)))
        assert {answer.verdict for answer in hanging} == {Verdict.RETRY}
        assert sum("does not answer about" in answer.text for answer in hanging) == 4, "no thread for each page of a flood"
        assert (await one("other.example", 5.0)).verdict is Verdict.ACCEPTED
        answered.set()
        async with asyncio.timeout(20):
            while (await one("hangs.example", 5.0)).verdict is not Verdict.ACCEPTED:  # noqa: ASYNC110 - threads that end
                await asyncio.sleep(0.01)

    uvloop.run(run())
