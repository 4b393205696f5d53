"""What somebody else writes is text and nothing else (S5, S4): on every page, in JSON, headers, mail and pushes, whatever it holds.

Each page is made twice, of plain texts and of hostile ones, and read as a browser reads it: the same elements with the same attributes, the
texts as they were written. A page that is new joins by itself, or the test fails.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import orjson
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from dashboards.console.pages import frame
from plantroom.clock import NS, VirtualClock
from tests.kit import hostile
from tests.kit.asgi import Answer, ask
from tests.kit.console_client import served
from tests.kit.console_site import Installation
from tests.kit.dom import led_astray, skeleton, values
from tests.kit.hostile import MARK, Word

NOW = 1_795_262_400 * NS
IDS = {
    "equipment_id": "gen-1", "point_id": "gen-1.engine_speed", "fault_id": "F1-1", "order_id": "O1-1", "command_id": "command-0001", "task_id": "M1-1",
    "target": "O1-1", "hash": "0" * 64,
    "name": "console.css", "site": "hq", "channel": "app", "token": "t", "nonce": "NONCE", "screen_id": "s", "ident": "i",
}  # fmt: skip
"""Further looks at a page than its route with these ids."""
MORE = (
    "/faults/F2-1", "/faults/F3-1", "/faults/F4-1", "/orders/O2-1", "/equipment/lift-1", "/orders?state=all", "/faults?condition=all", "/qr?kind=generator",
    "/duty-room?order=O1-1", "/duty-room?order=O1-1&part=form", "/oncall?command=command-0002", "/orders/O1-1?command=command-0001", "/orders/O1-1?command=command-0003", "/no-such-page",
)  # fmt: skip
NO_PAGE = re.compile(r"/static/|/duty-room/events|/api/v1/events|/oidc/|/callback/|/api/openapi.json")  # files, streams, what only leads elsewhere
JSON_TYPES = ("application/json", "application/manifest+json")


@dataclass
class Site:
    app: FastAPI
    cookies: Mapping[str, str]
    house: Installation

    async def get(self, path: str, lang: str = "zh", who: str = "plantroom_session", **headers: str) -> Answer:
        if "NONCE" in path:
            path = path.replace("NONCE", self.app.state.tickets.issue("hq", "P1-1", "O1-1", "li.wei", self.house.clock.read().wall_ns))
        cookie = f"plantroom_session={self.cookies[who]}; plantroom_screen={self.cookies['plantroom_screen']}; plantroom_lang={lang}"
        given = {} if path.startswith("/login") else {"cookie": cookie}
        place, _, query = path.partition("?")
        return await ask(self.app, "GET", place, query, {**given, **headers})


Scenario = Callable[[Site, Site], Awaitable[None]]


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Word, Installation]]]:
    folder = tmp_path_factory.mktemp("inert")
    made = [(word, hostile.furnish(folder / word.__name__, VirtualClock(NOW), word)) for word in (hostile.plain, hostile.hostile)]
    yield made
    for _, house in made:
        house.close()


def with_both(houses: list[tuple[Word, Installation]], scenario: Scenario) -> None:
    async def run() -> None:
        (plain, quiet), (hostile_, loud) = houses
        for _, house in houses:
            (house.data / "access.db").unlink(missing_ok=True)
        async with served(quiet.data, quiet.clock) as one, served(loud.data, loud.clock) as other:
            await scenario(Site(one, hostile.people_in(one, quiet, plain), quiet), Site(other, hostile.people_in(other, loud, hostile_), loud))

    asyncio.run(run())


def paths(app: FastAPI) -> list[str]:
    routes = [route.path for route in app.routes if isinstance(route, APIRoute) and "GET" in route.methods and not NO_PAGE.match(route.path)]
    return [re.sub(r"{(\w+)(?::path)?}", lambda name: IDS[name[1]], path) for path in routes] + list(MORE)


def whole(text: str) -> bool:
    """Whether each hostile word of it is there as it was written, or cut at its end."""
    return all(hostile.hostile(int(mark[0][2:5])) in text or soft(hostile.hostile(int(mark[0][2:5]))) in soft(text) for mark in MARK.finditer(text))


def soft(text: str) -> str:
    """Rules' words have no braces; a line has no line ends."""
    return re.sub(r"[\s\u2028\u202e]+", " ", text.replace("{", "(").replace("}", ")"))


def compared(path: str, one: Answer, other: Answer) -> list[str]:
    """What is wrong with a hostile answer beside the plain one."""
    assert (one.status, one.headers.get("content-type")) == (other.status, other.headers.get("content-type")), (path, one, other)
    assert one.status < 500, (path, one)
    for name, value in other.headers.items():
        if not value.isprintable() or MARK.search(value) or "evil" in value:
            return [f"{path}: header {name}: {value!r}"]
    kind = (other.headers.get("content-type") or "").partition(";")[0]
    if kind in JSON_TYPES:
        return [f"{path}: {text!r}" for text in strings(orjson.loads(other.body)) if not whole(text)]
    if kind != "text/html":
        return [] if kind in ("", "text/plain") else [f"{path}: a body of type {kind}: say here what is to be looked at"]
    plain, loud = one.body.decode(), other.body.decode()
    found = [f"{path}: {text}" for text in led_astray(loud)]
    if skeleton(plain) != skeleton(loud):
        first = next((pair for pair in zip(skeleton(plain), skeleton(loud), strict=False) if pair[0] != pair[1]), "one is longer")
        found.append(f"{path}: another page: {first}")
    found += [f"{path}: changed: {text!r}" for text in values(loud) if not whole(text)]
    begun = {mark for mark in marks(plain) - marks(loud) if hostile.hostile(int(mark[2:5]))[:8] in loud_text(loud)}  # and cut at its end
    if (lost := marks(plain) - marks(loud) - begun) and path != "/health/texts":  # there the place gives way to a long text
        found.append(f"{path}: {lost} is not shown")
    return [*found, *(f"{path}: {mark} where the plain page has none" for mark in marks(loud) - marks(plain))]


def loud_text(html: str) -> str:
    return "\n".join(values(html))


def marks(html: str) -> set[str]:
    return set(MARK.findall("\n".join(values(html))))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (*strings(key), *strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def test_every_page_and_every_answer_is_the_same_whatever_the_texts_hold(houses: list[tuple[Word, Installation]]) -> None:
    async def scenario(one: Site, other: Site) -> None:
        wrong, met = list[str](), set[str]()
        for n, path in enumerate(paths(one.app)):
            lang = ("zh", "en")[n % 2]
            first, second = await one.get(path, lang), await other.get(path, lang)
            wrong += compared(path, first, second)
            met |= set(MARK.findall(second.body.decode("utf-8", "replace")))
        for path in ("/account", "/account/pin", "/"):
            wrong += compared(path, await one.get(path, who="federated"), await other.get(path, who="federated"))
            met |= set(MARK.findall((await other.get(path, who="federated")).body.decode()))
        assert not wrong, "\n".join(wrong[:10])
        written = {f"zq{n:03}z" for n in (*range(18), *range(19, 22), *range(30, 34), *range(41, 50), 51, *range(53, 58), *range(60, 72), 90, 91, *range(94, 102), 105)}
        assert written - met == set(), "the control: every text stood somewhere, whole"

    with_both(houses, scenario)


def test_it_fails_when_one_template_escapes_nothing(houses: list[tuple[Word, Installation]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    bare = frame.TEMPLATES.overlay(autoescape=False)

    class Careless:
        @staticmethod
        def get_template(name: str) -> object:
            return (bare if name == "order.html" else frame.TEMPLATES_AS_THEY_ARE).get_template(name)  # type: ignore[attr-defined]

    async def scenario(one: Site, other: Site) -> None:
        assert compared("/orders/O1-1", await one.get("/orders/O1-1"), await other.get("/orders/O1-1")) == []
        monkeypatch.setattr(frame, "TEMPLATES_AS_THEY_ARE", frame.TEMPLATES, raising=False)
        monkeypatch.setattr(frame, "TEMPLATES", Careless)
        found = compared("/orders/O1-1", await one.get("/orders/O1-1"), await other.get("/orders/O1-1"))
        assert any("another page" in text for text in found) and any(" onclick=" in text or " onerror=" in text for text in found)
        assert compared("/faults/F1-1", await one.get("/faults/F1-1"), await other.get("/faults/F1-1")) == []

    with_both(houses, scenario)


# -- what an address holds

ADDRESSES = (
    "\r\nset-cookie: evil=1\r\n\r\n" + hostile.OUT_OF_TEXT, hostile.OUT_OF_ATTRIBUTE + hostile.ELSE, "javascript:a()", "//evil.example/",
    "/\\evil.example", "/\t/evil.example", "\x00\x7fé" * 80,
)  # fmt: skip
ASKED = (
    ("/login", "back"), ("/login/code", "back"), ("/login", "lang"), ("/", "lang"), ("/", "site"), ("/faults", "condition"), ("/faults", "severity"), ("/faults", "before"),
    ("/orders", "state"), ("/orders", "before"), ("/equipment", "q"), ("/equipment", "kind"), ("/equipment/gen-1", "at"), ("/points/gen-1.engine_speed", "range"),
    ("/oncall", "command"), ("/duty-room", "order"), ("/duty-room", "command"), ("/qr", "kind"), ("/account", "done"),
    ("/api/v1/faults", "condition"), ("/api/v1/oncall", "at"), ("/api/v1/points/gen-1.engine_speed/history", "from"),
)  # fmt: skip


def test_what_an_address_holds_leads_nowhere_and_makes_no_header(houses: list[tuple[Word, Installation]]) -> None:
    async def scenario(one: Site, other: Site) -> None:
        for path, name in ASKED:
            plain = await one.get(f"{path}?{name}=plainly")
            for given in ADDRESSES:
                answer = await one.get(f"{path}?{name}={quote(given, safe='')}")
                assert answer.status < 500, (path, name, given)
                assert all(value.isprintable() and "evil" not in header for header, value in answer.headers.items()), (path, name, given, answer.headers)
                assert "set-cookie" not in answer.headers or "evil" not in answer.headers["set-cookie"]
                place = answer.headers.get("location", "/")
                assert place.startswith("/") and place[1:2] not in ("/", "\\"), (path, name, given, place)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    html = answer.body.decode()
                    assert led_astray(html) == [], (path, name, given)
                    if answer.status == plain.status and name != "at":  # a mark that is none has no button of its own
                        assert set(skeleton(html)) <= set(skeleton(plain.body.decode())) | {("p", ("class", "role"))}, (path, name, given)

    with_both(houses, scenario)


CLIMBS = tuple(
    up * 8 + "etc/passwd" for up in ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%252f", "..\\", "..%5c", "....//", "%c0%ae%c0%ae/", "..;/", "/", "..%00/")
) + ("/etc/passwd", "file:///etc/passwd", "..", ".", "%00", "con", "\\\\host\\share", "access.db", "../access.db", "..%2f..%2faccess.db", "~/.ssh/id_rsa", "a" * 3000)


@pytest.mark.parametrize("climbs", [CLIMBS[::3], pytest.param(CLIMBS, marks=pytest.mark.soak)], ids=["some", "all"])
def test_no_part_of_an_address_is_a_place_on_the_disk(houses: list[tuple[Word, Installation]], climbs: Sequence[str]) -> None:
    async def scenario(one: Site, other: Site) -> None:
        n = 0
        for route in one.app.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods & {"GET", "POST"} if "{" in route.path and not route.path.startswith("/callback") else ():
                for climb in climbs:
                    path = climb.join(re.split(r"{\w+(?::path)?}", route.path))
                    headers = {"cookie": f"plantroom_session={one.cookies['plantroom_session']}; plantroom_screen={one.cookies['plantroom_screen']}", "origin": "http://127.0.0.1:8600"}
                    answer = await ask(one.app, method, path, "", {**headers, "content-type": "application/json"}, b"{}" if method == "POST" else b"")
                    assert answer.status in (303, 400, 401, 403, 404, 405), (method, path, answer.status, answer.body[:200])
                    assert answer.status != 303 or answer.headers["location"].startswith("/"), (path, answer.headers)
                    assert b"root:" not in answer.body and b"SQLite" not in answer.body
                    n += 1
        assert n > 50 * len(climbs)

    with_both(houses, scenario)
