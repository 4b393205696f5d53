"""A delivery status message (RFC 3464), as a mail server sends it back, into what became of the mail. Pure; whatever the bytes are.

Nothing here believes anything: that the message is about a mail of ours is proved by the ENVID, which only the servers on its way know
(rules/notify/email.py). What is too long is cut, what is no report is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from enum import StrEnum

MOST_BYTES = 65_536  # a report's own part stands in front; of the mail it is about only the headers are asked for
MOST_PARTS = 40  # and so no deeper: a parser that goes down with each of them would go down with us
MOST_RECIPIENTS = 50
MOST_TEXT = 300
_ENVID = re.compile(r"[0-9a-f]{32}")  # ours: no other needs to be understood
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")


class Action(StrEnum):
    """RFC 3464, 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"  # given to a server that sends no receipts: nothing more will be known
    EXPANDED = "expanded"  # a list: each of its addresses may be told of


@dataclass(frozen=True, slots=True)
class Recipient:
    """status: `5.1.1`, "" where it is none. words: the server's own, one line. address: as it was sent to."""

    action: Action
    status: str
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Report:
    """envid: the envelope's id, None where it names none that could be ours."""

    envid: str | None
    recipients: tuple[Recipient, ...]


def read(raw: bytes) -> Report | None:
    """None for what is no delivery report, or none that can be understood."""
    raw = raw[:MOST_BYTES]
    if raw.lower().count(b"content-type") > MOST_PARTS:
        return None
    try:
        mail = BytesParser(policy=compat32).parsebytes(raw)
        blocks = _status_of(mail)
        if not blocks:
            return None
        found = tuple(recipient for block in blocks[1 : MOST_RECIPIENTS + 1] for recipient in _recipient(block))
        return Report(_envid(blocks[0]), found) if found else None
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError):  # the parser's own failures on what is no mail
        return None


def _status_of(mail: Message) -> Sequence[Message]:
    """The blocks of its status part: the first about the mail, each further one about a recipient."""
    if mail.get_content_type() != "multipart/report" or not mail.is_multipart():
        return ()
    kind = mail.get_param("report-type")
    if not isinstance(kind, str) or kind.lower() != "delivery-status":
        return ()
    for part in _parts(mail):
        if part.get_content_type() == "message/delivery-status":
            return tuple(_parts(part))
    return ()


def _parts(mail: Message) -> Iterator[Message]:
    """Those directly below: a report lies at the top, what is deeper is the mail it is about."""
    payload = mail.get_payload()
    yield from (part for part in payload if isinstance(part, Message)) if isinstance(payload, list) else ()


def _envid(block: Message) -> str | None:
    said = _field(block, "Original-Envelope-Id")
    return said if _ENVID.fullmatch(said) else None


def _recipient(block: Message) -> Iterator[Recipient]:
    try:
        action = Action(_field(block, "Action").partition(" ")[0].lower())
    except ValueError:
        return  # RFC 3464 asks for one: a block without it says nothing
    status = _STATUS.match(_field(block, "Status"))
    address = _typed(_field(block, "Original-Recipient") or _field(block, "Final-Recipient"))
    yield Recipient(action, status[0] if status else "", _typed(_field(block, "Diagnostic-Code")), address)


def _field(block: Message, name: str) -> str:
    """One line, without what is no character of a text."""
    said = block.get(name)
    line = " ".join(str(said).split()) if said is not None else ""
    return "".join(c for c in line if c.isprintable())[:MOST_TEXT]


def _typed(said: str) -> str:
    """`smtp; 550 no such user` -> its second half."""
    return said.partition(";")[2].strip() if ";" in said else said
