from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest
from starlette.requests import Request

from dashboards.console import access as access_module
from dashboards.console import passwords
from dashboards.console.access import ABSOLUTE_NS, FREE_TRIES, FREE_TRIES_HERE, LONGEST_WAIT_S, Access, Locked, _stand_in
from dashboards.console.address import address_of
from dashboards.console.roles import MAY, Permission, Role
from plantroom.clock import NS, VirtualClock
from plantroom.errors import Refused

GOOD = "correct horse 9"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1_795_262_400 * NS)


@pytest.fixture
def access(tmp_path: Path, clock: VirtualClock) -> Iterator[Access]:
    opened = Access(tmp_path / "access.db", clock)
    yield opened
    opened.close()


def logged_in(access: Access, name: str, password: str = GOOD) -> str:
    token = access.log_in(name, password)
    assert token is not None
    return token


def test_the_first_start_makes_one_administrator_and_says_the_password_once(access: Access) -> None:
    password = access.ensure_admin()
    assert password is not None
    assert access.ensure_admin() is None
    assert [account.role for account in access.accounts()] == [Role.ADMIN]
    assert access.log_in("admin", password) is not None


def test_no_password_session_or_token_can_be_read_from_the_file(tmp_path: Path, access: Access) -> None:
    password = access.ensure_admin()
    assert password is not None
    token = access.log_in("admin", password)
    _, bearer = access.new_token("admin", "grafana", 30)
    assert token is not None
    bytes_ = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in bytes_  # the control: what we look into is the file
    for secret in (password, token, bearer):
        assert secret.encode() not in bytes_


def test_the_file_can_be_read_by_its_owner_alone(tmp_path: Path, access: Access) -> None:
    assert (tmp_path / "access.db").stat().st_mode & 0o077 == 0


def test_a_session_belongs_to_its_person_and_ends_with_the_log_out(access: Access) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD, ["hq"])
    token = logged_in(access, "li.wei")
    person = access.person_of(token)
    assert person is not None
    assert (person.name, person.role, person.sites) == ("li.wei", Role.TECHNICIAN, frozenset({"hq"}))
    access.log_out(token)
    assert access.person_of(token) is None


def test_an_idle_administrator_is_logged_out_after_a_quarter_of_an_hour(access: Access, clock: VirtualClock) -> None:
    access.add("boss", Role.ADMIN, GOOD)
    token = logged_in(access, "boss")
    for _ in range(3):
        clock.advance(14 * 60)
        assert access.person_of(token) is not None
    clock.advance(15 * 60 + 1)
    assert access.person_of(token) is None


def test_what_a_page_fetches_by_itself_keeps_no_session_alive(access: Access, clock: VirtualClock) -> None:
    access.add("boss", Role.ADMIN, GOOD)
    token = logged_in(access, "boss")
    for _ in range(20):
        clock.advance(60)
        seen = access.person_of(token, touch=False)
    assert seen is None


def test_no_session_outlives_twelve_hours(access: Access, clock: VirtualClock) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    token = logged_in(access, "li.wei")
    for _ in range(ABSOLUTE_NS // (3600 * NS)):
        clock.advance(3600)
        assert access.person_of(token) is not None
    clock.advance(1)
    assert access.person_of(token) is None


def test_each_wrong_password_after_the_fifth_waits_twice_as_long(access: Access, clock: VirtualClock) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    for _ in range(FREE_TRIES):
        assert access.log_in("li.wei", "wrong") is None
    waits = []
    for _ in range(10):
        with pytest.raises(Locked) as locked:
            access.log_in("li.wei", GOOD)  # even the right one waits: who guesses learns nothing
        waits.append(locked.value.wait_s)
        clock.advance(locked.value.wait_s)
        assert access.log_in("LI.WEI", "wrong") is None  # capitals are the same name
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, LONGEST_WAIT_S, LONGEST_WAIT_S]
    clock.advance(LONGEST_WAIT_S)
    assert access.log_in("li.wei", GOOD) is not None
    assert access.log_in("li.wei", "wrong") is None, "a right password forgives the wrong ones"


def test_an_unknown_name_is_locked_like_a_known_one(access: Access) -> None:
    for _ in range(FREE_TRIES):
        assert access.log_in("nobody", "wrong") is None
    with pytest.raises(Locked):
        access.log_in("nobody", "wrong")


def test_a_wall_clock_set_back_locks_nobody_out_for_longer(access: Access, clock: VirtualClock) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    for _ in range(FREE_TRIES):
        access.log_in("li.wei", "wrong")
    clock.step_wall(-86_400)
    assert access.log_in("li.wei", GOOD) is not None


def test_a_new_password_ends_the_other_sessions_and_the_lock(access: Access) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    kept, other = logged_in(access, "li.wei"), logged_in(access, "li.wei")
    access.set_password("li.wei", "another horse 9", keep=kept)
    assert access.person_of(kept) is not None
    assert access.person_of(other) is None
    assert access.log_in("li.wei", GOOD) is None


def test_a_removed_person_is_out_at_once_with_every_token(access: Access) -> None:
    access.add("boss", Role.ADMIN, GOOD)
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    session = logged_in(access, "li.wei")
    _, bearer = access.new_token("li.wei", "", 30)
    access.remove("li.wei")
    assert access.person_of(session) is None
    assert access.bearer(bearer) is None


def test_the_last_administrator_stays(access: Access) -> None:
    access.add("boss", Role.ADMIN, GOOD)
    with pytest.raises(Refused, match="last administrator"):
        access.remove("boss")
    access.add("second", Role.ADMIN, GOOD)
    access.remove("boss")


def test_a_bearer_token_works_until_its_day_and_can_be_revoked(access: Access, clock: VirtualClock) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    _, first = access.new_token("li.wei", "bms", 1)
    id_, second = access.new_token("li.wei", "bms", 30)
    person = access.bearer(first)
    assert person is not None
    assert person.form_token is None
    clock.advance(86_400)
    assert access.bearer(first) is None
    assert access.bearer(second) is not None
    assert access.revoke_token(id_)
    assert access.bearer(second) is None


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaa", "li.wei-12345", ""])
def test_a_weak_password_is_refused(access: Access, password: str) -> None:
    with pytest.raises(Refused, match="too weak"):
        access.add("li.wei", Role.TECHNICIAN, password)


@pytest.mark.parametrize(("name", "sites"), [("", None), ("a b", None), ("<b>", None), ("x" * 65, None), ("ok", []), ("ok", ["a b"])])
def test_a_name_or_site_that_no_id_can_be_is_refused(access: Access, name: str, sites: list[str] | None) -> None:
    with pytest.raises(Refused):
        access.add(name, Role.VIEWER, GOOD, sites)


def test_a_name_stands_once(access: Access) -> None:
    access.add("li.wei", Role.VIEWER, GOOD)
    with pytest.raises(Refused, match="user reset"):
        access.add("Li.Wei", Role.ADMIN, GOOD)


def test_a_stored_password_is_salted_and_slow_enough() -> None:
    assert passwords.hashed(GOOD) != passwords.hashed(GOOD)
    assert passwords.matches(GOOD, passwords.hashed(GOOD))
    assert not passwords.matches(GOOD + " ", passwords.hashed(GOOD))
    costs = argon2.extract_parameters(passwords.hashed(GOOD))
    assert costs.type is argon2.Type.ID
    assert costs.memory_cost >= 19 * 1024 and costs.memory_cost * costs.time_cost >= 38 * 1024, "less than OWASP's least"
    for foreign in ("md5$1$1$1$aa$aa", "$argon2id$v=19$broken", ""):
        with pytest.raises(ValueError, match="of another kind"):
            passwords.matches(GOOD, foreign)


def test_a_hash_of_before_is_good_once_more_and_becomes_a_new_one(tmp_path: Path, access: Access) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    access._change("UPDATE person SET password = ?", (old_hash(GOOD),))
    assert access.log_in("li.wei", GOOD + "x") is None
    assert access._rows("SELECT password FROM person")[0][0].startswith("scrypt$"), "a wrong one rewrites nothing"
    logged_in(access, "li.wei")
    stored = access._rows("SELECT password FROM person")[0][0]
    assert stored.startswith("$argon2id$") and passwords.matches(GOOD, stored) and not passwords.outdated(stored)
    logged_in(access, "li.wei")
    assert access._rows("SELECT password FROM person")[0][0] == stored, "and is then left alone"


def old_hash(password: str) -> str:
    salt = b"plantroom salt 1"
    made = hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1, maxmem=64 << 20, dklen=32)
    return "$".join(("scrypt", "14", "8", "1", base64.b64encode(salt).decode(), base64.b64encode(made).decode()))


def test_who_guesses_from_one_address_waits_whatever_name_they_try(access: Access, clock: VirtualClock) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    for n in range(FREE_TRIES_HERE):
        assert access.log_in(f"user{n}", "wrong", "203.0.113.7") is None
    with pytest.raises(Locked) as locked:
        access.log_in("li.wei", GOOD, "203.0.113.7")
    assert locked.value.wait_s == 2
    assert access.log_in("li.wei", GOOD, "203.0.113.8") is not None, "nobody else waits"
    clock.advance(2)
    assert access.log_in("li.wei", GOOD, "203.0.113.7") is not None
    assert access.log_in("li.wei", "wrong", "203.0.113.7") is None
    with pytest.raises(Locked):
        access.log_in("li.wei", GOOD, "203.0.113.7")  # a password of one's own buys no further guesses
    clock.advance(3601)
    for n in range(FREE_TRIES_HERE):
        assert access.log_in(f"user{n}", "wrong", "203.0.113.7") is None, "forgotten after an hour"


def test_names_and_addresses_that_anybody_can_make_up_leave_the_file_small(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "STAND_INS", 40)
    for n in range(200):
        access._failed([(access._counted_as(f"made.up.{n}"), 5), (_stand_in("@", f"10.{n // 250}.{n % 250}.1"), 20)])
    assert access._rows("SELECT count(*) FROM failure")[0][0] <= 2 * 40


def test_every_session_and_token_of_a_person_ends_at_once_and_nobody_elses(access: Access) -> None:
    access.add("li.wei", Role.TECHNICIAN, GOOD)
    access.add("wang", Role.TECHNICIAN, GOOD)
    ours, others = [logged_in(access, "li.wei") for _ in range(3)], logged_in(access, "wang")
    _, bearer = access.new_token("li.wei", "", 30)
    assert access.log_out_everywhere("li.wei") == 3
    assert [access.person_of(token) for token in ours] == [None] * 3
    assert access.person_of(others) is not None and access.bearer(bearer) is not None
    assert access.log_out_everywhere("li.wei", tokens=True) == 1
    assert access.bearer(bearer) is None
    with pytest.raises(Refused, match="user list"):
        access.log_out_everywhere("nobody")


def test_another_role_at_one_site(access: Access, clock: VirtualClock) -> None:
    access.add("li.wei", Role.VIEWER, GOOD, ["hq:admin", "b2"])
    token = logged_in(access, "li.wei")
    person = access.person_of(token)
    assert person is not None
    assert (person.role_at("hq"), person.role_at("b2"), person.sees("c3")) == (Role.ADMIN, Role.VIEWER, False)
    assert person.may(Permission.SHELVE, "hq") and not person.may(Permission.SHELVE, "b2") and person.may(Permission.SHELVE)
    asking = person.asking(Permission.SHELVE)
    assert asking.sees("hq") and not asking.sees("b2")
    clock.advance(15 * 60 + 1)
    assert access.person_of(token) is None, "the strictest of their roles says how long they may be away"
    for wrong in (["hq:boss"], ["hq", "hq:viewer"], ["hq:"], [":viewer"]):
        with pytest.raises(Refused):
            access.add("other", Role.VIEWER, GOOD, wrong)


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.7", "", "203.0.113.7"), ("203.0.113.7", "10.0.0.1", "203.0.113.7"), ("127.0.0.1", "", None),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"), ("::1", "2001:db8::5", "2001:db8::/64"), ("127.0.0.1", "nonsense", None),
        ("2001:db8::1:2", "", "2001:db8::/64"), ("::ffff:203.0.113.7", "", "203.0.113.7"), ("127.0.0.1", "127.0.0.1", None),
    ],
)  # fmt: skip
def test_whom_a_request_comes_from(peer: str, forwarded: str, counted: str | None) -> None:
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert address_of(Request(scope)) == counted


def test_made_passwords_differ_and_can_be_read_aloud() -> None:
    made = {passwords.new_password() for _ in range(50)}
    assert len(made) == 50
    assert not any(set("0o1l") & set(password) for password in made)


def test_roles_only_gain_from_one_to_the_next() -> None:
    ladder = [MAY[role] for role in (Role.VIEWER, Role.TECHNICIAN, Role.MANAGER, Role.ENGINEER, Role.SUPERVISOR, Role.ADMIN)]
    signs = {Permission.SIGN}  # who manages, who supervises; an engineer does neither
    assert all(low - signs <= high for low, high in zip(ladder, ladder[1:], strict=False))
    assert {role for role in Role if Permission.SIGN in MAY[role]} == {Role.MANAGER, Role.SUPERVISOR, Role.ADMIN}
    theirs = {Permission.OWN, Permission.PLAN, Permission.TASK}
    assert MAY[Role.VIEWER] == {Permission.OWN, Permission.PLAN, Permission.SEE, Permission.HOUSE, Permission.REPORT}
    assert MAY[Role.VENDOR] == theirs | {Permission.SEE, Permission.REPORT, Permission.WORK}
    assert MAY[Role.THIRD_PARTY] == theirs
    assert Permission.SHELVE not in MAY[Role.MANAGER]
