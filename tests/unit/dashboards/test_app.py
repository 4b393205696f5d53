"""The console as an app on a phone: its manifest, its icons (drawn here, read back as pixels), what the account page says to do."""

from __future__ import annotations

import asyncio
import re
import struct
import zlib
from pathlib import Path

import orjson
import pytest

from dashboards.console import build_icons
from dashboards.console.assets import FOLDER, Assets
from dashboards.console.build_icons import Icon, Unreadable
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from tests.kit.console_client import client, logged_in, served
from tests.kit.console_site import Installation, site_file
from tests.unit.dashboards.test_push import PUSH

NOW = 1_795_262_400 * NS
GROUND, HOUSE = (0x14, 0x21, 0x2B, 255), (0xE8, 0xEE, 0xF2, 255)


def read(png: bytes) -> tuple[int, int, list[list[tuple[int, ...]]]]:
    """(width, height, lines of RGBA), every checksum looked at."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, dict[bytes, bytes]()
    while at < len(png):
        [length] = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        found[kind], at = body, at + 12 + length
    assert list(found) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *form = struct.unpack(">IIBBBBB", found[b"IHDR"])
    assert form == [8, 6, 0, 0, 0]
    raw, step = zlib.decompress(found[b"IDAT"]), 1 + 4 * width
    lines = [raw[n * step : (n + 1) * step] for n in range(height)]
    assert {line[0] for line in lines} == {0} and len(raw) == step * height
    return width, height, [[tuple(line[1 + 4 * x : 5 + 4 * x]) for x in range(width)] for line in lines]


def drawn(**how: object) -> list[list[tuple[int, ...]]]:
    width, height, pixels = read(build_icons.drawn(build_icons.PICTURE.read_text(), Icon(64, **how)))  # type: ignore[arg-type]
    assert (width, height) == (64, 64)
    return pixels


def test_the_picture_is_drawn_where_it_stands_with_soft_edges() -> None:
    pixels = drawn()
    assert pixels[0][0] == pixels[63][63] == (0, 0, 0, 0), "outside the round corners"
    assert pixels[32][2] == GROUND
    assert pixels[30][20] == HOUSE, "its left wall"
    assert pixels[45][32] == GROUND, "its door"
    edge = {pixels[y][x][:3] for y in range(64) for x in range(64)} - {GROUND[:3], HOUSE[:3], (0, 0, 0)}
    assert edge, "the roof is oblique"
    assert all(pixels[y][x] == pixels[y][63 - x] for y in range(64) for x in range(32)), "and even on both sides"


def test_what_a_phone_cuts_itself_is_full_to_the_corners_and_keeps_what_counts_inside() -> None:
    pixels = drawn(full=True, art=0.72)
    assert pixels[0][0] == pixels[63][0] == GROUND
    safe = 0.4 * 64
    outside = [pixels[y][x] for y in range(64) for x in range(64) if (x - 31.5) ** 2 + (y - 31.5) ** 2 > safe**2]
    assert set(outside) == {GROUND}
    assert any(pixel == HOUSE for line in pixels for pixel in line)


@pytest.mark.parametrize(
    ("svg", "why"),
    [
        ('<circle r="3"/>', "no circle"), ('<path d="M0 0C1 1 2 2 3 3z" fill="#000000"/>', "command C"), ('<path d="M0 0L1 1z" fill="red"/>', "#rrggbb"),
    ],
)  # fmt: skip
def test_what_is_not_drawn_is_said(svg: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        build_icons.drawn(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{svg}</svg>', Icon(8))


def test_icons_are_drawn_once_and_anew_when_the_picture_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_icons, "ICONS", tmp_path / "icons")
    monkeypatch.setattr(build_icons, "STAMP", tmp_path / "icons" / ".made")
    monkeypatch.setattr(build_icons, "PICTURE", tmp_path / "icon.svg")
    monkeypatch.setattr(build_icons, "WANTED", {"a.png": Icon(8)})
    (tmp_path / "icon.svg").write_text((FOLDER / "icon.svg").read_text())
    build_icons.main()
    first = (tmp_path / "icons" / "a.png").stat().st_mtime_ns
    build_icons.main()
    assert (tmp_path / "icons" / "a.png").stat().st_mtime_ns == first
    (tmp_path / "icon.svg").write_text((FOLDER / "icon.svg").read_text().replace("#14212b", "#ff0000"))
    build_icons.main()
    assert read((tmp_path / "icons" / "a.png").read_bytes())[2][4][0] == (255, 0, 0, 255)


def test_a_phone_finds_one_app_in_both_languages_with_every_icon_it_names(tmp_path: Path) -> None:
    async def scenario() -> None:
        house = Installation(tmp_path / "data", site_file(tmp_path, people=PUSH), VirtualClock(NOW))
        house.engine_at(1)
        async with served(house.data, house.clock) as app, client(app) as phone:
            apps = {}
            for lang in ("zh", "en"):
                page = (await phone.get(f"/login?lang={lang}")).text
                [path] = re.findall(r'<link rel="manifest" href="([^"]+)">', page)
                answer = await phone.get(path)
                assert answer.headers["content-type"] == "application/manifest+json" and "immutable" in answer.headers["cache-control"]
                assert "manifest-src 'self'" in answer.headers["content-security-policy"]
                apps[lang] = orjson.loads(answer.content)
                [touch] = re.findall(r'<link rel="apple-touch-icon" href="([^"]+)">', page)
                assert read((await phone.get(touch)).content)[:2] == (180, 180)
            assert apps["zh"]["id"] == apps["en"]["id"] == "/" and {app["display"] for app in apps.values()} == {"standalone"}
            assert apps["zh"]["name"] == "Plantroom 设备值守" and apps["en"]["name"] == "Plantroom"
            assert {(icon["sizes"], icon["purpose"]) for icon in apps["zh"]["icons"]} >= {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}
            for icon in apps["zh"]["icons"]:
                answer = await phone.get(icon["src"])
                assert answer.status_code == 200 and answer.headers["content-type"] == icon["type"], icon
                if icon["type"] == "image/png":
                    assert "x".join(map(str, read(answer.content)[:2])) == icon["sizes"]
        house.close()

    asyncio.run(scenario())


def test_without_drawn_icons_the_app_has_the_picture_itself(tmp_path: Path) -> None:
    (tmp_path / "icon.svg").write_bytes((FOLDER / "icon.svg").read_bytes())
    app = orjson.loads(Assets(tmp_path).get("app.zh.webmanifest").body)  # type: ignore[union-attr]
    assert [icon["type"] for icon in app["icons"]] == ["image/svg+xml"]


@pytest.mark.parametrize(("lang", "says"), [("zh", "添加到主屏幕"), ("en", "Add to Home Screen")])
def test_the_account_page_says_what_an_iphone_needs(tmp_path: Path, lang: str, says: str) -> None:
    async def scenario() -> None:
        for n, people in enumerate((PUSH, "")):
            (tmp_path / str(n)).mkdir()
            house = Installation(tmp_path / str(n) / "data", site_file(tmp_path / str(n), people=people), VirtualClock(NOW))
            house.engine_at(1)
            async with served(house.data, house.clock) as app, logged_in(app, Role.VIEWER) as browser:
                assert (says in (await browser.get(f"/account?lang={lang}")).text) is bool(people)
            house.close()

    asyncio.run(scenario())
