"""What can be wrong with what people give us, said so that they can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in one place: `site.yaml:14: devices.fp1-ctl.unit: 300 is outside 0..255; use the unit id set on the device`."""

    file: str
    line: int  # 1-based; 0 = the file as a whole
    where: str  # path inside the file, "devices.fp1-ctl.unit"; "" = the file as a whole
    text: str  # what is wrong and what to do

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.where}: {self.text}" if self.where else f"{place}: {self.text}"


class BadInput(ValueError):
    """The input cannot be used as it stands; every problem found in one pass is listed. Commands end with exit code 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Refused(Exception):
    """A person's command that the present state does not allow; the text says why and what would."""


class JournalFailed(RuntimeError):
    """The disk refused a commit (EIO, ENOSPC): nothing since the last acknowledgement counts.

    Stop acknowledging, leave the process and let the supervisor reopen and verify the journal.
    """
