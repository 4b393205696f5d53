"""What can be wrong with what people give us, said so that they can mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ALIKE = 4  # so many problems of one kind are shown as the first and a count
LINES = 3  # of the others so many are named by their lines


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


def folded(problems: Iterable[Problem]) -> Iterator[str]:
    """For people: where one mistake was made many times its first place, how many more there are, and where. In the order of the firsts.

    Alike are problems of one file, one part of it and one key that differ in nothing but numbers and the names on the way there.
    """
    kinds: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(_kind(problem), []).append(problem)
    for first, *others in kinds.values():
        yield str(first)
        if len(others) < ALIKE - 1:
            yield from map(str, others)
        else:
            more = ", ".join([*(str(other.line) for other in others[:LINES]), *(["..."] if len(others) > LINES else [])])
            yield f"    and {len(others):,} more like it (lines {more})"


def _kind(problem: Problem) -> tuple[str, ...]:
    steps = problem.where.split(".")
    text = problem.text
    for step in filter(None, steps[1:-1]):  # a machine's name may stand in the text, too
        text = re.sub(rf"(?<![\w-]){re.escape(step)}(?![\w-])", "*", text)
    return problem.file, re.sub(r"\d+", "#", steps[0]), re.sub(r"\d+", "#", steps[-1]), re.sub(r"\d+", "#", text)


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
