"""Python starts with this where it is first on PYTHONPATH: an engine with a defect, which one event brings out."""

from rules import events
from rules.desk import Desk
from rules.house import House

_take = events.take


def take(desk: Desk, house: House | None, body: bytes) -> None:
    _take(desk, house, body)
    if b"nobody_foresaw" in body:
        raise ZeroDivisionError("a defect of ours, after half the work is done")


events.take = take
