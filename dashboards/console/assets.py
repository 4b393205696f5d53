"""Static files by manifest: read once, served from memory, named with the hash of their content. No request reaches the file system."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
from fastapi import APIRouter, Request, Response

from dashboards.console.asking import NotFound
from dashboards.console.guard import open_to_all

FOLDER = Path(__file__).parent / "static"
MANIFEST = (
    "console.css", "console.js", "queue.js", "offline.js", "push.js", "chart.js", "duty_room.css", "duty_room.js", "labels.css", "icon.svg",
    "vendor/uplot.js", "vendor/uplot.css",
)  # fmt: skip
WORKER = "worker.js"
OWN = b"const ASSETS = [];"  # where the worker learns the files of its release: it changes whenever one of them does
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
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
        self._assets: Mapping[str, Asset] = {name: _read(folder / name) for name in MANIFEST if (folder / name).is_file()}
        files = orjson.dumps([self.url(name) for name in self._assets])
        if (folder / WORKER).is_file():
            worker = (folder / WORKER).read_bytes().replace(OWN, b"const ASSETS = %b;" % files)
            self._assets = {**self._assets, WORKER: _asset(worker, ".js")}

    def __contains__(self, name: str) -> bool:
        return name in self._assets

    def get(self, name: str) -> Asset | None:
        return self._assets.get(name)

    def url(self, name: str) -> str:
        """/static/<name>?v=<hash>: may be kept for ever."""
        return f"/static/{name}?v={self._assets[name].tag}"


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
