"""The write surface of InfluxDB 2.x in front of a real 1.x engine, and a gate that answers what a test wants instead.

The engine stores and judges; the shim checks token, bucket and path as 2.x does and gives the engine's refusals 2.x's form. It is no
InfluxDB 2.x: what is proved with it is that our requests have that surface's form and that its answers are understood.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx


@dataclass(frozen=True)
class Canned:
    """An answer given instead of the engine's. after: the engine gets the lines all the same (an answer lost on its way back)."""

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


class Shim:
    """`with Shim(engine_url, token) as shim`: shim.url; shim.instead holds canned answers for the next writes; shim.seen the requests."""

    def __init__(self, engine: str, token: str = "test-token", *, api: int = 2) -> None:
        self.engine, self.token, self.api = engine, token, api
        self.instead: deque[Canned] = deque()
        self.seen: list[tuple[str, dict[str, str], int]] = []  # path, parameters, bytes of body
        self.most_bytes: int | None = None  # larger bodies (uncompressed) are 413
        shim = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = shim.answer(self.path, dict(self.headers.items()), body)
                answer = b"" if status == 204 else answer  # a 204 has no body, or the next answer on the connection is torn
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

        self._client = httpx.Client(timeout=30, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        where = urlsplit(path)
        parameters = dict(parse_qsl(where.query))
        self.seen.append((where.path, parameters, len(body)))
        if self.most_bytes is not None and len(_plain(headers, body)) > self.most_bytes:
            return 413, {}, b'{"code":"request too large","message":"too large"}'
        canned = self.instead.popleft() if self.instead else None
        if canned is not None and not canned.after:
            return canned.status, canned.headers, canned.body
        status, answer = self._write(where.path, parameters, headers, body)
        return (canned.status, canned.headers, canned.body) if canned is not None else (status, {}, answer)

    def _write(self, path: str, parameters: dict[str, str], headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.api == 1:
            return self._engine(parameters, headers, body)
        if headers.get("Authorization") != f"Token {self.token}":
            return 401, b'{"code":"unauthorized","message":"unauthorized access"}'
        if path != "/api/v2/write":
            return 404, b'{"code":"not found","message":"path not found"}'
        database, _, policy = parameters["bucket"].partition("/")
        precision = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}[parameters.get("precision", "ns")]
        status, answer = self._engine({"db": database, "precision": precision} | ({"rp": policy} if policy else {}), headers, body)
        if status == 204:
            return 204, b""
        said = str(_json(answer).get("error", ""))
        if status == 404:
            return 404, json.dumps({"code": "not found", "message": f'bucket "{database}" not found'}).encode()
        code, word = (422, "unprocessable entity") if "conflict" in said or "retention" in said else (status, "invalid")
        return code, json.dumps({"code": word, "message": f"failure writing points to database: {said}"}).encode()

    def _engine(self, parameters: dict[str, str], headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        kept = {name: value for name, value in headers.items() if name.lower() == "content-encoding"}
        try:
            answer = self._client.post(f"{self.engine}/write?{urlencode(parameters)}", content=body, headers=kept)
        except httpx.TransportError as why:
            return 502, json.dumps({"code": "internal error", "message": f"engine away: {why!r}"}).encode()
        return answer.status_code, answer.content

    def __enter__(self) -> Shim:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()


def _plain(headers: dict[str, str], body: bytes) -> bytes:
    return gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body


def _json(text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text or b"{}")
    except json.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
