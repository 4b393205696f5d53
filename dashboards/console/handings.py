"""Orders handed to a firm and taken back: as lines of the time line and as shapes of the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboards.console import shapes
from dashboards.console.tables import Handing
from plantroom.clock import iso
from plantroom.words import say


def lines(handings: Sequence[Handing], names: dict[str, str], lang: str) -> Iterator[tuple[int, str, dict[str, object]]]:
    """(instant, text's key, its values) of each."""
    for one in handings:
        reason = say("moment.class_reason", lang, reason=one.reason) if one.reason else ""
        people = ("、" if lang == "zh" else ", ").join(names.get(person, person) for person in told(one))
        called = say("moment.firm_told", lang, names=people) if people else say("moment.firm_not_told", lang)
        yield one.at_ns, f"moment.{one.does}", {"who": names.get(one.who, one.who), "firm": one.firm, "reason": reason, "told": called}


def told(handing: Handing) -> list[str]:
    """Ids of the people whom it called, each once."""
    return list(dict.fromkeys(person for _, person in handing.told if person is not None))


def shape(handing: Handing) -> shapes.HandingShape:
    return {
        "at": iso(handing.at_ns), "who": handing.who, "firm": handing.firm, "does": handing.does, "reason": handing.reason,
        "told": told(handing),
    }  # fmt: skip
