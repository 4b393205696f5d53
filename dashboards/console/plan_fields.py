"""Fields of what is done to a task of the plan: of JSON an object of items, of a form `item.KEY`, `photo.KEY`, `evidence.SORT`."""

from __future__ import annotations

from typing import Any

from dashboards.console.roles import FIELDS
from plantroom.errors import Refused

COMPLETE = "complete"
_LEFT = ("command_id", "form_token", "back")
_PREFIXES = ("item.", "photo.", "evidence.")


def arguments(does: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The deed's own, empty ones left out. Raises Refused for one it does not have."""
    allowed = {*FIELDS[does], *_LEFT}
    unknown = sorted(name for name in fields if name not in allowed and not (does == COMPLETE and name.startswith(_PREFIXES)))
    if unknown:
        raise Refused(f"{does} has no field {', '.join(unknown)[:200]}; it takes {', '.join(FIELDS[does]) or 'none'}")
    texts = {name: fields[name] for name in FIELDS[does] if name not in ("items", "evidence") and fields.get(name)}
    if wrong := sorted(name for name, value in texts.items() if not isinstance(value, str)):
        raise Refused(f"{', '.join(wrong)} must be a text")
    return texts if does != COMPLETE else {**texts, **_completion(fields)}


def _completion(fields: dict[str, Any]) -> dict[str, Any]:
    items, evidence = fields.get("items", {}), fields.get("evidence", {})
    if not isinstance(items, dict) or not isinstance(evidence, dict):
        raise Refused('items and evidence are objects: {"items": {"gap": 0.4}, "evidence": {"report": ["<sha-256>"]}}')
    for name, value in fields.items():
        if name.startswith("item.") and value:
            items = {**items, name.removeprefix("item."): value}
        elif name.startswith("evidence.") and value:
            evidence = {**evidence, name.removeprefix("evidence."): str(value).split()}
    for name, value in fields.items():
        key = name.removeprefix("photo.")
        if name.startswith("photo.") and value:
            items = {**items, key: {"value": items.get(key), "photo": str(value).strip()}}
    return {"items": items, "evidence": evidence}
