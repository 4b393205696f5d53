"""Second factors (TOTP, RFC 6238: six digits, 30 s, SHA-1, what every authenticator has) in access.db, and logins that wait for a code."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import pyotp

from dashboards.console import passwords
from dashboards.console.roles import Person, Role
from plantroom.clock import NS

STEP_S = 30
EARLY_LATE = 1  # steps that a telephone's clock may differ
HALF_S = 300
ISSUER = "Plantroom"

Rows = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]
Change = Callable[[str, tuple[Any, ...]], int]


class Factors:
    """rows, change: as of Access, which owns the connection."""

    def __init__(self, rows: Rows, change: Change, now: Callable[[], int]) -> None:
        self._rows, self._change, self._now = rows, change, now

    def on(self, name: str) -> bool:
        return bool(self._rows("SELECT 1 FROM factor WHERE person = ? AND confirmed = 1", (name,)))

    def offered_to(self, person: Person) -> bool:
        """To administrators and to who has one, of whatever role now; in a session, not to a bearer token."""
        if person.form_token is None or person.federated:
            return False
        return Role.ADMIN in (person.role, *person.there.values()) or self.on(person.name)

    def offer(self, name: str) -> None:
        """A new secret to be confirmed, in place of an unconfirmed one. Leaves a confirmed one alone."""
        self._change(
            "INSERT INTO factor SELECT name, ?, 0, 0 FROM person WHERE name = ? "
            "ON CONFLICT DO UPDATE SET secret = excluded.secret WHERE confirmed = 0",
            (pyotp.random_base32(), name),
        )

    def offered(self, name: str) -> tuple[str, str] | None:
        """(secret, otpauth address for a QR code) of one not confirmed yet."""
        rows = self._rows("SELECT secret FROM factor WHERE person = ? AND confirmed = 0", (name,))
        return (rows[0][0], pyotp.TOTP(rows[0][0]).provisioning_uri(name=name, issuer_name=ISSUER)) if rows else None

    def confirm(self, name: str, code: str) -> bool:
        return self._use(name, code, 0)

    def take(self, name: str, code: str) -> bool:
        """Whether it is a code of now, a step before or after, later than any taken before. It is used up then."""
        return self._use(name, code, 1)

    def drop(self, name: str) -> None:
        self._change("DELETE FROM factor WHERE person = ?", (name,))
        self._change("DELETE FROM half WHERE person = ?", (name,))

    def _use(self, name: str, code: str, confirmed: int) -> bool:
        rows = self._rows("SELECT secret FROM factor WHERE person = ? AND confirmed = ?", (name, confirmed))
        if not rows:
            return False
        step = _step_of(rows[0][0], "".join(code.split()), self._now() // NS)
        if step is None:
            return False
        used = "UPDATE factor SET confirmed = 1, last_step = ? WHERE person = ? AND secret = ? AND confirmed = ? AND last_step < ?"
        return self._change(used, (step, name, rows[0][0], confirmed, step)) == 1

    # -- between password and code

    def half(self, name: str) -> str:
        """Made where the password was right."""
        token, now = passwords.new_token(), self._now()
        self._change("DELETE FROM half WHERE began_ns < ?", (now - HALF_S * NS,))
        self._change("INSERT INTO half SELECT ?, name, ? FROM person WHERE name = ?", (passwords.token_hash(token), now, name))
        return token

    def of_half(self, half: str) -> str | None:
        oldest_ns = self._now() - HALF_S * NS
        rows = self._rows("SELECT person FROM half WHERE hash = ? AND began_ns >= ?", (passwords.token_hash(half), oldest_ns))
        return rows[0][0] if rows else None

    def end_half(self, half: str) -> None:
        self._change("DELETE FROM half WHERE hash = ?", (passwords.token_hash(half),))


def _step_of(secret: str, code: str, now_s: int) -> int | None:
    """The step whose code this is. All are compared, whichever it is."""
    totp, now = pyotp.TOTP(secret, interval=STEP_S), now_s // STEP_S
    found = None
    for step in range(now - EARLY_LATE, now + EARLY_LATE + 1):
        if hmac.compare_digest(totp.at(step * STEP_S).encode(), code.encode()):
            found = step
    return found
