"""Where an account reaches, as access.db has it: `*` = everywhere, `hq b2:viewer` = ids, each with a role where it is another one there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from plantroom.errors import Refused
from plantroom.roles import Role

_SITE = re.compile(r"[\w.-]{1,64}", re.ASCII)


def written(sites: Iterable[str] | None) -> str:
    """None = all. Raises Refused: none named, one twice, what no id can be, a role that is none."""
    if sites is None:
        return "*"
    said = sorted(set(sites))
    for one in said:
        site, colon, role = one.partition(":")
        if not _SITE.fullmatch(site):
            raise Refused(f"{one!r} is no site id: letters, digits and . _ - only")
        if colon and role not in list(Role):
            raise Refused(f"{one!r}: {role!r} is no role; one of {', '.join(Role)}")
    if not said or len({one.partition(":")[0] for one in said}) != len(said):
        raise Refused("name at least one site, and each once")
    return " ".join(said)


def sites_of(text: str) -> frozenset[str] | None:
    return None if text == "*" else frozenset(said.partition(":")[0] for said in text.split())


def roles_there(text: str) -> dict[str, Role]:
    return {site: Role(role) for site, colon, role in (said.partition(":") for said in text.split()) if colon}
