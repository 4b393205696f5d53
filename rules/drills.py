"""Test pages: a contact that nobody has tried is believed and not known (numbers change, robots are removed, quotas run out).

Each person with an address gets one a day on every channel they have, at the site's hour, and is to answer by the link in it. Who has
answered none of theirs within an hour is named: a fault of the monitor, for the next working day.
"""

from __future__ import annotations

from collections.abc import Mapping

from plantroom.clock import NS, at_utc
from plantroom.local_time import instant_ns, local_date
from plantroom.model import Severity
from plantroom.words import LANGUAGES, say
from rules import events
from rules.desk import Desk
from rules.house import House
from rules.reach import own
from rules.rows import Drill, Page, as_json

TEST = "test"  # outbox.reason
DEAD = "contact_dead"
START_NS = 600 * NS  # an engine that was away at the hour does it so much later, else tomorrow
ANSWER_NS = 3600 * NS


def send(desk: Desk, house: House, person: str) -> list[Page]:
    """A test page to every address of a person; none where they have none."""
    message = as_json({**_words(desk, house, person), "fault": None, "order": None})
    rows = []
    for channel in dict.fromkeys(target.channel for severity in Severity for target in own(house, severity, person)):
        times = desk.now_ns, desk.now_ns
        row = Page(desk.new_id("P"), None, None, channel, TEST, Severity.ADVISORY, message, *times, person=person)
        desk.put_page(row)
        desk.tell("page.queued", {"page": row.id, "channel": channel, "reason": TEST, "fault": None, "order": None, "person": person})
        rows.append(row)
    if rows:
        desk.tests[person] = Drill(person, desk.now_ns)
    return rows


def received(desk: Desk, page: str, who: str) -> bool:
    """The person of a test page says that they have it; False where it is none of theirs."""
    row = desk.find_page(page)
    if row is None or row.reason != TEST or row.person != who:
        return False
    if row.answered_ns is None:
        row.answered_ns = desk.now_ns
        desk.put_page(row)
    drill = desk.tests.get(who)
    if drill is not None and drill.created_ns == row.created_ns and drill.answered_ns is None:
        drill.answered_ns = desk.now_ns
    return True


def look(desk: Desk, house: House) -> None:
    """At a tick."""
    people = {id_: person for id_, person in house.site.people.items() if person.contacts}
    if not people or house.site.test_minute is None:
        return
    due_ns = instant_ns(local_date(desk.now_ns, house.zone), house.site.test_minute, house.zone)
    if due_ns <= desk.now_ns < due_ns + START_NS:
        for id_ in people:
            drill = desk.tests.get(id_)
            if drill is None or drill.created_ns < due_ns:
                send(desk, house, id_)
    dead = [person.name or id_ for id_, person in people.items() if _dead(desk, id_)]
    if dead:
        events.seen(desk, house, DEAD, {"people": ", ".join(dead)})
    else:
        events.over(desk, house, DEAD)


def _dead(desk: Desk, person: str) -> bool:
    drill = desk.tests.get(person)
    return drill is not None and drill.answered_ns is None and desk.now_ns - drill.created_ns >= ANSWER_NS


def _words(desk: Desk, house: House, person: str) -> Mapping[str, list[str]]:
    name = house.site.people[person].name or person
    at = at_utc(desk.now_ns).astimezone(house.zone).strftime("%H:%M")
    return {lang: [say("alert.test.head", lang, name=name), say("alert.test.line", lang, at=at)] for lang in LANGUAGES}

