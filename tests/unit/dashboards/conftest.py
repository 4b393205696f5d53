"""Passwords at the least cost: hundreds of persons log in here. What the real costs are is tests/unit/dashboards/test_access.py's to say."""

from __future__ import annotations

from collections.abc import Iterator

import argon2
import pytest

from dashboards.console import commanding, passwords

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=32, salt_len=16, type=argon2.Type.ID)


@pytest.fixture(autouse=True)
def cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.module.__name__.rpartition(".")[2] == "test_access":
        yield
        return
    monkeypatch.setattr(passwords, "_HASHER", CHEAP)
    passwords.nobody.cache_clear()
    yield
    passwords.nobody.cache_clear()


@pytest.fixture(autouse=True)
def nobody_answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no engine runs, recorded is all there is to see: it is not waited for."""
    if request.module.__name__.rpartition(".")[2] in ("test_labels", "test_duty_room", "test_evidence"):
        monkeypatch.setattr(commanding, "WAIT_S", 0.05)
