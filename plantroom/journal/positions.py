"""How far each follower has come, for retention: nothing a registered follower has not read is unlinked while the quota allows.

Not the follower's own truth: that stands with its effects (records.db, store.db). Here it may lag, never lead.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = "positions"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class Positions:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def mark(self, name: str, seq: int) -> None:
        """`name` has committed the effects of everything up to `seq`. Costs one small write; call it about once a second."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"a follower's name is snake_case, not {name!r}")
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_text(f"{seq:020d}\n")

    def forget(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def all(self) -> dict[str, int]:
        """Position by follower; an unreadable one counts as 0, which only keeps more."""
        if not self._folder.is_dir():
            return {}
        return {path.name: _seq(path.read_text(errors="replace")) for path in sorted(self._folder.iterdir()) if path.is_file()}


def _seq(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{20}\n", text) else 0
