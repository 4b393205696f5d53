"""docs/upsets.md from the tables of upsets: `python -m simulators.upset_page > docs/upsets.md`. A test keeps the page current."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from simulators.upset import DEVICE_OFFLINE, Setting, Upset
from simulators.upsets import UPSETS
from simulators.wire import FAULTS

_HEAD = """# What can be made to go wrong

Made from the tables in `simulators/upsets/` and `simulators/wire.py`; not edited by hand. An upset acts on a machine's physics, never
on the values it shows. *Found by*: the rule that must raise it, in at most what the plant takes to show it (*shows*) plus the rule's
patience and one poll; `–` where it is only a cause of others. *May bring*: rules that may rightly speak up as well.
`tests/simulation/test_wards.py` holds the packs to every line of it.
"""


def page() -> str:
    parts = [_HEAD, *(part for kind, upsets in UPSETS.items() for part in _kind(kind, upsets))]
    parts += ["\n## Any machine, any wire\n", *_rows({DEVICE_OFFLINE.name: DEVICE_OFFLINE, **FAULTS}, wire=True)]
    return "\n".join(parts).rstrip() + "\n"


def _kind(kind: str, upsets: Mapping[str, Upset]) -> Iterator[str]:
    yield f"\n## {kind}\n"
    yield from _rows(upsets, wire=False)


def _rows(upsets: Mapping[str, Upset], *, wire: bool) -> Iterator[str]:
    yield "| upset | what happens | found by | shows | may bring |" if not wire else "| fault | what happens | found by | may bring |"
    yield "|---|---|---|---|---|" if not wire else "|---|---|---|---|"
    for upset in upsets.values():
        settings = ", ".join(_setting(name, setting) for name, setting in upset.settings.items())
        found = f"`{upset.found_by}`" if upset.found_by else "–"
        brings = ", ".join(upset.leads_to) or "–"
        cells = [f"`{upset.name}`", upset.says + (f" [{settings}]" if settings else ""), found, *([] if wire else [_length(upset)]), brings]
        yield "| " + " | ".join(cells) + " |"


def _setting(name: str, setting: Setting) -> str:
    return f"`{name}` {setting.default:g}{' ' + setting.unit if setting.unit else ''} ({setting.low:g}..{setting.high:g}; {setting.what})"


def _length(upset: Upset) -> str:
    if upset.found_by is None:
        return "–"
    s = upset.shows_s
    return f"{s:g} s" if s < 600 else f"{s / 60:.0f} min" if s < 7200 else f"{s / 3600:.0f} h" if s < 2 * 86_400 else f"{s / 86_400:.0f} d"


if __name__ == "__main__":
    sys.stdout.write(page())
