"""The two commands by which something leaves the records: a person's words (`privacy erase`), and what is older than five years (`audit
purge`).

Neither breaks the chain: a text's salted hash stays where it stood, and a purge says with which hash the chain goes on. Nothing else
deletes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from plantroom.clock import at_utc, to_ns
from plantroom.records.proof import ERASED
from rules.command import Command
from rules.denied import Denied, Done, instant_of, same, words_of
from rules.desk import Desk
from rules.house import House

KEPT_YEARS = 5
MOST_IDS = 500  # of a line of the chronicle


def youngest_purged_ns(now_ns: int) -> int:
    """What is younger is never deleted: five calendar years before now."""
    now = at_utc(now_ns)
    day = min(now.day, 28) if now.month == 2 else now.day
    return to_ns(datetime(now.year - KEPT_YEARS, now.month, day, now.hour, now.minute, now.second, tzinfo=now.tzinfo))


def _erase(desk: Desk, house: House, command: Command) -> Done:
    """target: a person's id. args: reason. Their words and name, and the texts of superseded site files, which name everybody."""
    person = command.target
    words_of(command, "reason")
    if person in house.site.people:
        raise Denied("still_in_site_file", {"target": same(person)})
    texts = desk.erasable(person)
    if not texts and person not in desk.persons:
        raise Denied("unknown_person", {"target": same(person)})
    desk.erase_texts(texts)
    desk.erase_person(person)
    _tell(desk, texts, {"person": person, "by": command.who})
    return Done(state={"erased": len(texts)})


def _purge(desk: Desk, house: House, command: Command) -> Done:
    """args: before, reason. Lines of the chronicle, evidence and texts older than that; faults and orders stay."""
    before_ns = instant_of(command, "before", desk.now_ns)
    words_of(command, "reason")
    if before_ns > youngest_purged_ns(desk.now_ns):
        raise Denied("purge_too_young")
    last = desk.last_line_before(before_ns)
    if last is None:
        raise Denied("purge_nothing")
    texts, files = desk.purge(last, command.who, before_ns, str(command.hidden["reason"]))
    _tell(desk, texts, {"purge": last["n"]})
    said = {"n": last["n"], "hash": last["hash"].hex(), "before_ns": before_ns, "by": command.who, "evidence": files}
    desk.tell("purge", said)
    return Done(state={"lines": last["n"], "texts": len(texts), "evidence": files})


def _tell(desk: Desk, texts: list[str], why: Mapping[str, object]) -> None:
    for first in range(0, max(len(texts), 1), MOST_IDS):
        desk.tell(ERASED, {**why, "texts": texts[first : first + MOST_IDS]})


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"erase": _erase, "purge": _purge}
