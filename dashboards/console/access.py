"""access.db: people, their sessions and tokens, and how long a wrong password must wait. One short transaction per call."""

from __future__ import annotations

import re
import secrets
import threading
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from dashboards.console import passwords
from dashboards.console.factors import Factors
from dashboards.console.oidc.entrants import Entrant, Federated, NoEntry
from dashboards.console.pins import Pins
from dashboards.console.pins import weak as weak_pin
from dashboards.console.reach import roles_there, sites_of, written
from dashboards.console.roles import Person, Role
from plantroom.clock import NS, Clock
from plantroom.errors import Refused

IDLE_NS = {role: 4 * 3600 * NS for role in Role} | {Role.ADMIN: 15 * 60 * NS}
ABSOLUTE_NS = 12 * 3600 * NS
TOUCH_EVERY_NS = 30 * NS
FREE_TRIES = 5
FREE_TRIES_HERE = 20  # from one address: several people may sit behind it
LONGEST_WAIT_S = 300
FORGET_FAILURES_NS = 24 * 3600 * NS
FORGET_ADDRESS_NS = 3600 * NS
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    role: Role
    sites: frozenset[str] | None
    created_ns: int
    changed_ns: int
    there: Mapping[str, Role] = field(default_factory=dict)


class Locked(Exception):
    """Too many wrong passwords for this name, or from this address; `wait_s` until the next try counts."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"wait {wait_s} s")


class HalfWay(Exception):
    """The password was right and a code is asked for: `half` is good for `log_in_code`, for five minutes, and for nothing else."""

    def __init__(self, half: str) -> None:
        self.half = half
        super().__init__("a code is asked for")


class HalfGone(Exception):
    """Five minutes have passed since the password, or it was used: from the start again."""


STAND_INS = 4_096  # under which wrong passwords of unknown names and of addresses are counted


class Access:
    """One connection, usable from any thread, one at a time. demanding: administrators without a second factor see their account only."""

    def __init__(self, path: Path, clock: Clock, demanding: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock, self._demanding = clock, demanding
        self._lock = threading.Lock()
        if not path.exists():
            path.touch(mode=0o600)
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(5_000)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
        self.factors = Factors(self._rows, self._change, self._now)
        self.federated = Federated(self._rows, self._change, self._now)
        self.pins = Pins(self._rows, self._change, self._now)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # -- people

    def ensure_admin(self) -> str | None:
        """The password of a newly made `admin` where nobody exists yet, else None. It is stored only as a hash: say it now or never."""
        password = passwords.new_password()
        made = self._change(
            "INSERT INTO person SELECT 'admin', 'admin', '*', ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM person)",
            (passwords.hashed(password), now := self._now(), now),
        )
        return password if made else None

    def add(self, name: str, role: Role, password: str, sites: Iterable[str] | None = None) -> None:
        """sites: ids, `hq`, or with another role there, `hq:supervisor`; None = all. Raises Refused: a name in use, a name or site no id
        can be, a role that is none, a weak password."""
        if not _NAME.fullmatch(name):
            raise Refused(f"{name!r} is no user name: letters, digits and . _ @ -, at most 64")
        reach = written(sites)
        self._strong(password, name)
        now = self._now()
        row = (name, role.value, reach, passwords.hashed(password), now, now)
        if not self._change("INSERT OR IGNORE INTO person VALUES (?, ?, ?, ?, ?, ?)", row):
            raise Refused(f"user {name} exists; use `plantroom user reset {name}` for a new password")

    def reset(self, name: str, password: str) -> None:
        """As `set_password`; a second factor goes too: its telephone may be what was lost. So does the PIN."""
        self.set_password(name, password)
        self.factors.drop(name)
        self.pins.drop(name)

    def set_password(self, name: str, password: str, keep: str | None = None) -> None:
        """A new password; every session of this person ends but the one whose token is `keep`. Raises Refused: unknown, weak, or somebody
        who comes in by the login service."""
        self._strong(password, name)
        if self._rows("SELECT 1 FROM person WHERE name = ? AND password = ''", (name,)):
            raise Refused(f"{name} comes in by the login service (oidc.yaml) and has no password here")
        row = (passwords.hashed(password), self._now(), name)
        if not self._change("UPDATE person SET password = ?, changed_ns = ? WHERE name = ?", row):
            raise Refused(f"no user {name}; `plantroom user list` shows who there is")
        self._change("DELETE FROM session WHERE person = ? AND hash <> ?", (name, passwords.token_hash(keep or "")))
        self._change("DELETE FROM failure WHERE name = ?", (name,))

    def remove(self, name: str) -> None:
        """Sessions and tokens go with it. Raises Refused: unknown, or the last administrator with a password (a service may fail)."""
        if not self._rows("SELECT 1 FROM person WHERE name = ?", (name,)):
            raise Refused(f"no user {name}; `plantroom user list` shows who there is")
        keys = "SELECT count(*) FROM person WHERE role = 'admin' AND password <> ''"
        last = f"DELETE FROM person WHERE name = ? AND (role <> 'admin' OR password = '' OR ({keys}) > 1)"
        if not self._change(last, (name,)):
            raise Refused(f"{name} is the last administrator; make another one first")

    def accounts(self) -> list[Account]:
        rows = self._rows("SELECT name, role, sites, created_ns, changed_ns FROM person ORDER BY name")
        return [Account(name, Role(role), sites_of(reach), made, changed, roles_there(reach)) for name, role, reach, made, changed in rows]

    # -- coming in

    def log_in(self, name: str, password: str, address: str | None = None) -> str | None:
        """A new session's token, or None for a wrong name or password (one takes as long as the other: about 50 ms, in a thread).

        address: whom the request came from, None where that says nothing. Raises Locked: after five wrong ones in a row for a name, or
        twenty from an address, each further try must wait twice as long as the last, at most 300 s. Raises HalfWay: a code is asked for.
        """
        tried = self._tried(name, address)
        found = self._rows("SELECT password FROM person WHERE name = ? AND password <> ''", (name,))
        if not (passwords.matches(password, found[0][0] if found else passwords.nobody()) and found):
            self._failed(tried)
            return None
        if passwords.outdated(found[0][0]):
            self._change("UPDATE person SET password = ? WHERE name = ? AND password = ?", (passwords.hashed(password), name, found[0][0]))
        if self.factors.on(name):  # wrong codes stay counted: who knows the password does not get to guess them in fives
            raise HalfWay(self.factors.half(name))
        return self._begin(name)

    def log_in_code(self, half: str, code: str, address: str | None = None) -> str | None:
        """The second step: a new session's token, or None for a wrong or used code. Counts with the passwords. Raises HalfGone, Locked."""
        name = self.factors.of_half(half)
        if name is None:
            raise HalfGone
        tried = self._tried(name, address)
        if not self.factors.take(name, code):
            self._failed(tried)
            return None
        self.factors.end_half(half)
        return self._begin(name)

    def change_factor(self, name: str, password: str, code: str, on: bool, keep: str) -> bool:
        """Turns the second factor on (the code of the one just shown) or off. False for a wrong password or code, counted as at the login;
        every session but `keep` ends. Raises Locked."""
        tried = self._tried(name, None)
        if not (self.password_is(name, password) and (self.factors.confirm if on else self.factors.take)(name, code)):
            self._failed(tried)
            return False
        if not on:
            self.factors.drop(name)
        self._change("DELETE FROM session WHERE person = ? AND hash <> ?", (name, passwords.token_hash(keep)))
        return True

    def change_pin(self, name: str, password: str, code: str, pin: str) -> bool:
        """Sets the PIN for the duty room's screen. Asks for what a login does: the password, and the code where there is a second factor;
        of somebody of the login service neither. False for a wrong one, counted as there. Raises Locked, and Refused for a weak PIN."""
        if weak_pin(pin):
            raise Refused("the PIN is too easily guessed: 6 to 12 digits, three different ones, no run, nothing said twice")
        if not self._rows("SELECT 1 FROM person WHERE name = ? AND password = ''", (name,)):
            tried = self._tried(name, None)
            if not (self.password_is(name, password) and (not self.factors.on(name) or self.factors.take(name, code))):
                self._failed(tried)
                return False
        self.pins.put(name, pin)
        return True

    def enter(self, entrant: Entrant) -> str:
        """A new session's token for somebody whom the login service vouches for; their account is made, or has its role and sites brought
        up to date. Raises NoEntry; whose groups have no role any more loses sessions and tokens at once."""
        known = self.federated.known(entrant)
        if entrant.role is None:
            if known is not None:
                self.log_out_everywhere(known, tokens=True)
            raise NoEntry("no_role")
        if known is None and not _NAME.fullmatch(entrant.name):
            raise NoEntry("name")
        name = self.federated.enter(entrant, written(entrant.sites))
        self.pins.seen(name)
        return self._begin(name)

    def _begin(self, name: str) -> str:
        """A session of somebody who has shown all that is asked for."""
        self._change("DELETE FROM failure WHERE name = ?", (name,))  # not the address: who has one password does not get to guess others
        token, now = passwords.new_token(), self._now()
        self._change("DELETE FROM session WHERE began_ns < ?", (now - ABSOLUTE_NS,))
        self._change("INSERT INTO session SELECT ?, name, ?, ? FROM person WHERE name = ?", (passwords.token_hash(token), now, now, name))
        return token

    def key(self, name: str) -> bytes:
        """256 random bits, made when first asked for and kept."""
        self._change("INSERT OR IGNORE INTO secret VALUES (?, ?)", (name, secrets.token_bytes(32)))
        found: bytes = self._rows("SELECT value FROM secret WHERE name = ?", (name,))[0][0]
        return found

    def vouch(self, name: str, password: str) -> Person | None:
        """Who gives one deed their name on a screen that is nobody's: as a login without a session. Raises Locked as `log_in` does.

        None for who has or must have a second factor, too: a password alone says less there than it does for others.
        """
        try:
            token = self.log_in(name, password)
        except HalfWay as half_way:
            self.factors.end_half(half_way.half)
            return None
        if token is None:
            return None
        person = self.person_of(token, touch=False)
        self.log_out(token)
        return person if person is not None and not person.unproven else None

    def vouch_by_pin(self, name: str, pin: str, screen: str) -> Person | None:
        """As `vouch`, by the PIN, for everybody who has one. screen: its id; who tries one PIN with many names waits there, too.

        Raises Locked.
        """
        known = self._rows("SELECT 1 FROM pin WHERE person = ?", (name,))
        own = f"# {name}" if known else _stand_in("?", f"# {name.lower()}")
        tried = [(own, FREE_TRIES), (_stand_in("@", f"screen {screen}"), FREE_TRIES_HERE)]
        for counted, free in tried:
            self._wait(counted, free)
        if not self.pins.take(name, pin):
            self._failed(tried)
            return None
        self._change("DELETE FROM failure WHERE name = ?", (own,))
        rows = self._rows(
            "SELECT p.name, p.role, p.sites, p.password = '', f.shown "
            "FROM person p LEFT JOIN federated f ON f.person = p.name WHERE p.name = ?",
            (name,),
        )
        person = self._as_person(*rows[0]) if rows else None
        return person if person is not None and not person.unproven else None

    def password_is(self, name: str, password: str) -> bool:
        found = self._rows("SELECT password FROM person WHERE name = ? AND password <> ''", (name,))
        return bool(found) and passwords.matches(password, found[0][0])

    def person_of(self, token: str, touch: bool = True) -> Person | None:
        """Who holds this session, None when it is unknown, idle too long or too old. touch: a deed of the person, not of a timer."""
        rows = self._rows(
            "SELECT p.name, p.role, p.sites, p.password = '', f.shown, s.began_ns, s.used_ns "
            "FROM session s JOIN person p ON p.name = s.person LEFT JOIN federated f ON f.person = p.name WHERE s.hash = ?",
            (key := passwords.token_hash(token),),
        )
        if not rows:
            return None
        (name, role, sites, federated, called, began, used), now = rows[0], self._now()
        idle = min(IDLE_NS[role_] for role_ in (Role(role), *roles_there(sites).values()))
        if now - began > ABSOLUTE_NS or now - used > idle:
            self._change("DELETE FROM session WHERE hash = ?", (key,))
            return None
        if touch and now - used > TOUCH_EVERY_NS:
            self._change("UPDATE session SET used_ns = ? WHERE hash = ?", (now, key))
        return self._as_person(name, role, sites, federated, called, passwords.form_token(token))

    def _as_person(
        self, name: str, role: str, sites: str, federated: int, called: str | None, form_token: str | None = None
    ) -> Person:
        there = roles_there(sites)
        unproven = self._demanding and Role.ADMIN in (Role(role), *there.values()) and not federated and not self.factors.on(name)
        return Person(
            name, Role(role), sites_of(sites), form_token, called, there, unproven=unproven, federated=bool(federated)
        )  # fmt: skip

    def log_out(self, token: str) -> None:
        self._change("DELETE FROM session WHERE hash = ?", (passwords.token_hash(token),))

    def log_out_everywhere(self, name: str, tokens: bool = False) -> int:
        """Ends every session of this person, and with `tokens` their bearer tokens and PIN; how many. Raises Refused for nobody."""
        if not self._rows("SELECT 1 FROM person WHERE name = ?", (name,)):
            raise Refused(f"no user {name}; `plantroom user list` shows who there is")
        ended = self._change("DELETE FROM session WHERE person = ?", (name,))
        if tokens:
            self.pins.drop(name)
        return ended + (self._change("DELETE FROM token WHERE person = ?", (name,)) if tokens else 0)

    # -- tokens for other people's tools

    def new_token(self, name: str, label: str, days: int) -> tuple[str, str]:
        """(id, token) of a bearer token with this person's role and sites. Raises Refused for an unknown person."""
        token, token_id, now = passwords.new_token(), secrets.token_hex(4), self._now()
        row = (passwords.token_hash(token), token_id, label, now, now + days * 86_400 * NS, name)
        if not self._change("INSERT INTO token SELECT ?, ?, name, ?, ?, ? FROM person WHERE name = ?", row):
            raise Refused(f"no user {name}; `plantroom user list` shows who there is")
        return token_id, token

    def revoke_token(self, token_id: str) -> bool:
        return self._change("DELETE FROM token WHERE id = ?", (token_id,)) > 0

    def bearer(self, token: str) -> Person | None:
        rows = self._rows(
            "SELECT p.name, p.role, p.sites FROM token t JOIN person p ON p.name = t.person WHERE t.hash = ? AND t.expires_ns > ?",
            (passwords.token_hash(token), self._now()),
        )
        return Person(rows[0][0], Role(rows[0][1]), sites_of(rows[0][2]), there=roles_there(rows[0][2])) if rows else None

    # -- inside

    def _tried(self, name: str, address: str | None) -> list[tuple[str, int]]:
        """What a wrong try counts against, with how many are free. Raises Locked."""
        tried = [(self._counted_as(name), FREE_TRIES)]
        if address is not None:
            tried.append((_stand_in("@", address), FREE_TRIES_HERE))
        for counted, free in tried:
            self._wait(counted, free)
        return tried

    def _wait(self, counted: str, free: int) -> None:
        rows = self._rows("SELECT count, last_ns FROM failure WHERE name = ?", (counted,))
        if rows and rows[0][0] >= free:
            delay = min(2 ** (rows[0][0] - free + 1), LONGEST_WAIT_S)
            left = rows[0][1] + delay * NS - self._now()
            if 0 < left <= delay * NS:
                raise Locked(-(-left // NS))

    def _failed(self, tried: list[tuple[str, int]]) -> None:
        now = self._now()
        self._change("DELETE FROM failure WHERE last_ns < ?", (now - FORGET_FAILURES_NS,))
        self._change("DELETE FROM failure WHERE name LIKE '@%' AND last_ns < ?", (now - FORGET_ADDRESS_NS,))
        for counted, _ in tried:
            self._change(
                "INSERT INTO failure VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET count = min(count + 1, 60), last_ns = excluded.last_ns",
                (counted, now),
            )

    def _counted_as(self, name: str) -> str:
        """The name of a person; one of 4,096 stand-ins for a name nobody has: the table stays bounded and the answer is the same."""
        if self._rows("SELECT 1 FROM person WHERE name = ?", (name,)):
            return name
        return _stand_in("?", name.lower())

    def _strong(self, password: str, name: str) -> None:
        if passwords.weak(password, name):
            raise Refused(f"the password is too weak: at least {passwords.LEAST_LENGTH} characters, without the name, not one repeated")

    def _now(self) -> int:
        return self._clock.read().wall_ns

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _change(self, sql: str, values: tuple[Any, ...]) -> int:
        """Rows changed, committed."""
        with self._lock:
            self._db.execute(sql, values).fetchall()
            return self._db.changes()


def _stand_in(sign: str, word: str) -> str:
    """One of a few thousand: what anybody may make up leaves the table bounded, and is not written down."""
    return f"{sign} {zlib.crc32(word.encode()) % STAND_INS}"
