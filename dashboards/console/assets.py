"""Static files by manifest: read once, served from memory, named with the hash of their content. No request reaches the file system.

Beside them what a browser wants to know to install the console as an app (W3C Web Application Manifest), in each language.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import orjson
from fastapi import APIRouter, Request, Response

from dashboards.console import build_icons
from dashboards.console.asking import NotFound
from dashboards.console.guard import open_to_all
from plantroom.words import LANGUAGES, say

FOLDER = Path(__file__).parent / "static"
MANIFEST = (
    "console.css", "console.js", "queue.js", "offline.js", "push.js", "chart.js", "duty_room.css", "duty_room.js", "labels.css", "icon.svg",
    "vendor/uplot.js", "vendor/uplot.css",
)  # fmt: skip
ICONS = tuple(f"icons/{name}" for name in build_icons.WANTED)
WORKER = "worker.js"
OWN = b"const ASSETS = [];"  # where the worker learns the files of its release: it changes whenever one of them does
TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}  # fmt: skip
GROUND = "#14212b"  # of the icon; behind an app that is starting
router = APIRouter()


@dataclass(frozen=True, slots=True)
class Asset:
    """packed: the body as gzip; a file is packed once and not for everybody who asks."""

    body: bytes
    packed: bytes
    media_type: str
    tag: str


class Assets:
    """What the manifest names and the folder has; third-party files may be missing, the pages work without."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._assets: dict[str, Asset] = {name: _read(folder / name) for name in MANIFEST if (folder / name).is_file()}
        files = orjson.dumps([self.url(name) for name in self._assets])
        if (folder / WORKER).is_file():
            worker = (folder / WORKER).read_bytes().replace(OWN, b"const ASSETS = %b;" % files)
            self._assets = {**self._assets, WORKER: _asset(worker, ".js")}
        icons = {name: _read(folder / name) for name in ICONS if (folder / name).is_file()}
        self._assets = {**self._assets, **icons}  # a phone keeps them itself: the worker need not
        self._assets |= {app_of(lang): _asset(self._app(lang), ".webmanifest") for lang in LANGUAGES}

    def _app(self, lang: str) -> bytes:
        """One app whatever its language: `id` says so to a browser that has it already."""
        icons = [{"src": self.url("icon.svg"), "sizes": "any", "type": TYPES[".svg"], "purpose": "any"}] if "icon.svg" in self else []
        for name, icon in build_icons.WANTED.items():
            if f"icons/{name}" in self:
                purpose = "maskable" if icon.full else "any"
                url = self.url(f"icons/{name}")
                icons.append({"src": url, "sizes": f"{icon.size}x{icon.size}", "type": TYPES[".png"], "purpose": purpose})
        return orjson.dumps({
            "id": "/", "name": say("app.name", lang), "short_name": say("app.short", lang), "lang": say("app.tag", lang), "start_url": "/",
            "scope": "/", "display": "standalone", "theme_color": GROUND, "background_color": GROUND, "icons": icons,
        })  # fmt: skip

    def __contains__(self, name: str) -> bool:
        return name in self._assets

    def get(self, name: str) -> Asset | None:
        return self._assets.get(name)

    def url(self, name: str) -> str:
        """/static/<name>?v=<hash>: may be kept for ever."""
        return f"/static/{name}?v={self._assets[name].tag}"


def app_of(lang: str) -> str:
    return f"app.{lang}.webmanifest"


@router.get("/static/{name:path}", dependencies=[open_to_all()], include_in_schema=False)
def static(request: Request, name: str) -> Response:
    assets: Assets = request.app.state.assets
    asset = assets.get(name)
    if asset is None:
        raise NotFound(f"no file {name}")
    fresh = request.headers.get("if-none-match") == f'"{asset.tag}"'
    kept = "public, max-age=31536000, immutable" if request.query_params.get("v") == asset.tag else "no-cache"
    scope = {"service-worker-allowed": "/"} if name == WORKER else {}
    headers = {"etag": f'"{asset.tag}"', "cache-control": kept, "vary": "accept-encoding", **scope}
    if fresh:
        return Response(b"", 304, headers, asset.media_type)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    how = {"content-encoding": "gzip"} if packed else {}
    return Response(asset.packed if packed else asset.body, 200, {**headers, **how}, asset.media_type)


def _read(path: Path) -> Asset:
    return _asset(path.read_bytes(), path.suffix)


def _asset(body: bytes, suffix: str) -> Asset:
    return Asset(body, gzip.compress(body, 9, mtime=0), TYPES[suffix], hashlib.sha256(body).hexdigest()[:16])
