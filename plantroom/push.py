"""Browser push: which browsers tell whom, what they report with, and our own key. Browsers and tokens are a part of access.db.

A push service is asked under the address a browser gave, so that address must be one of a known service or of the site file: else a
person could make us send requests anywhere.
"""

from __future__ import annotations

import binascii
import os
import re
import secrets
import tempfile
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw

from plantroom.clock import NS
from plantroom.errors import Refused

KNOWN = ("fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com")
KNOWN_BELOW = (".notify.windows.com", ".push.apple.com")  # a service with many hosts
MOST_BROWSERS = 10  # of one person; the oldest goes
KEPT_NS = 90 * 86_400 * NS
KEY_FILE = "webpush.pem"
LONGEST = 1_000
_ADDRESS = re.compile(r"https://([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(?::([0-9]{1,5}))?(?:/[!-~]*)?", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS push_browser (
  id       TEXT PRIMARY KEY,
  person   TEXT NOT NULL,                 -- user name
  endpoint TEXT NOT NULL UNIQUE,          -- who knows it can try to send there
  p256dh   TEXT NOT NULL,
  auth     TEXT NOT NULL,
  label    TEXT NOT NULL,
  made_ns  INTEGER NOT NULL,
  gone_ns  INTEGER                        -- its service does not know it any more
) STRICT;
CREATE TABLE IF NOT EXISTS push_page (
  hash     BLOB PRIMARY KEY,              -- sha256 of what the browser reports with
  site     TEXT NOT NULL,
  page     TEXT NOT NULL,                 -- outbox.id
  sent_ns  INTEGER NOT NULL,
  shown_ns INTEGER
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Browser:
    """Keys in base64url, as the browser gave them. gone_ns: since when its service says that there is no such browser."""

    id: str
    person: str
    endpoint: str
    p256dh: str
    auth: str
    label: str
    made_ns: int
    gone_ns: int | None = None


def allowed(endpoint: str, services: Iterable[str] = ()) -> bool:
    """Whether a push service of this address may be asked. services: origins of the site file."""
    origin = _origin(endpoint)
    if origin is None:
        return False
    if origin in {_origin(service) for service in services}:
        return True
    host, port = origin
    return port == 443 and (host in KNOWN or host.endswith(KNOWN_BELOW))


def subscription(given: Any, services: Sequence[str] = ()) -> tuple[str, str, str]:
    """(endpoint, p256dh, auth) of a browser's PushSubscription as JSON. Raises Refused."""
    keys = given.get("keys") if isinstance(given, dict) else None
    endpoint = given.get("endpoint") if isinstance(given, dict) else None
    if not isinstance(endpoint, str) or not isinstance(keys, dict) or len(endpoint) > LONGEST:
        raise Refused("no subscription of a browser: it has endpoint and keys")
    if not allowed(endpoint, services):
        raise Refused("this browser's push service is none we know; list it under `services` of the channel in the site file")
    p256dh, auth = str(keys.get("p256dh", "")), str(keys.get("auth", ""))
    if len(decoded(p256dh)) != 65 or decoded(p256dh)[:1] != b"\x04" or len(decoded(auth)) != 16:
        raise Refused("the keys of the subscription are none: p256dh has 65 bytes, auth 16")
    return endpoint, p256dh, auth


class Browsers:
    """One connection, one thread at a time; web adds and removes, notify looks and says what is gone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(1_000)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def add(self, person: str, endpoint: str, p256dh: str, auth: str, label: str, now_ns: int) -> str:
        """Its id. A browser tells one person: the last who asked it to."""
        ident = sha256(endpoint.encode()).hexdigest()[:16]
        row = (ident, person, endpoint, p256dh, auth, label[:80], now_ns)
        self._db.execute("INSERT OR REPLACE INTO push_browser VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
        oldest = "SELECT id FROM push_browser WHERE person = ? ORDER BY made_ns DESC, id LIMIT -1 OFFSET ?"
        self._db.execute(f"DELETE FROM push_browser WHERE id IN ({oldest})", (person, MOST_BROWSERS))
        return ident

    def remove(self, person: str, ident: str) -> None:
        self._db.execute("DELETE FROM push_browser WHERE person = ? AND id = ?", (person, ident))

    def of(self, person: str) -> list[Browser]:
        """Those that were told of, the gone ones too, oldest first."""
        return [Browser(*row) for row in self._db.execute("SELECT * FROM push_browser WHERE person = ? ORDER BY made_ns, id", (person,))]

    def gone(self, ident: str, now_ns: int) -> None:
        self._db.execute("UPDATE push_browser SET gone_ns = ? WHERE id = ? AND gone_ns IS NULL", (now_ns, ident))

    def sent(self, site: str, page: str, now_ns: int) -> str:
        """What the browser reports with once it has shown the page."""
        token = secrets.token_urlsafe(20)
        self._db.execute("DELETE FROM push_page WHERE sent_ns < ?", (now_ns - KEPT_NS,))
        self._db.execute("INSERT INTO push_page VALUES (?, ?, ?, ?, NULL)", (_hash(token), site, page, now_ns))
        return token

    def sent_with(self, token: str) -> tuple[str, str, bool] | None:
        """(site, page, whether it was reported before) of what was sent with this token; None for what never was."""
        row = next(iter(self._db.execute("SELECT site, page, shown_ns FROM push_page WHERE hash = ?", (_hash(token),))), None)
        return None if row is None else (row[0], row[1], row[2] is not None)

    def shown(self, token: str, now_ns: int) -> None:
        """The first report counts."""
        self._db.execute("UPDATE push_page SET shown_ns = ? WHERE hash = ? AND shown_ns IS NULL", (now_ns, _hash(token)))


def key(data: Path) -> Any:
    """The installation's own key (py_vapid.Vapid02), made on first use; browsers are bound to it, so it goes with a backup."""
    from py_vapid import Vapid02  # costs 60 ms: only who pushes pays

    path = data / KEY_FILE
    if not path.exists():
        made = Vapid02()
        made.generate_keys()
        handle, name = tempfile.mkstemp(dir=data, prefix=".webpush-")  # 0600 from the start
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(made.private_pem())
                file.flush()
                os.fsync(file.fileno())
            os.link(name, path)
        except FileExistsError:
            pass  # another process was first: its key counts
        finally:
            Path(name).unlink()
    return Vapid02.from_pem(path.read_bytes())


def public_key(data: Path) -> str:
    """As a browser wants it (applicationServerKey), base64url."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid.utils import b64urlencode

    return str(b64urlencode(key(data).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)))


def _origin(address: str) -> tuple[str, int] | None:
    """None for what is no plain https address of a host by its name or IPv4 number: no user, no strange character."""
    found = _ADDRESS.fullmatch(address)
    return (found[1].lower(), int(found[2] or 443)) if found else None


def decoded(text: str) -> bytes:
    """Base64url without padding; b"" for what is none."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
