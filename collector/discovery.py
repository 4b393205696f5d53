"""Who answers on a Modbus TCP address, and what it may be. Pure: questions out, what was heard in; sockets stand in collector.probe.

    each unit     a register of two tables, one after the other     an answer or an exception but 10 and 11: somebody is there
    heard late    once more, with more patience
    all answer    one unit number that nobody has                   answers too: the device does not look at the number
    somebody      identification registers, one model after the other, until one says yes
    no yes        the most telling read of each other profile       hints, for a person to confirm

One question at a time, reads only. A unit that falls silent over its questions is left alone.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from collector import identification
from collector.fingerprint import Hint, Sample, best, identified, identity_read
from collector.poll_plan import Read
from collector.session import BUSY, GATEWAY_PATH, GATEWAY_TARGET
from plantroom.profiles import Profile, Table

OPENERS = (Read(Table.HOLDING, 0, 1), Read(Table.INPUT, 0, 1))
MOST_PATIENCE_S = 10.0
SLOWER = 4  # times its first answer: how long a unit may take for the next
ACKNOWLEDGE = 5  # it is working on it; like busy, it is asked once more
MOST_SILENCES = 2  # in a row, before a unit is left alone
UNUSED = (247, 246)  # the highest numbers of a line, seldom given


@dataclass(frozen=True, slots=True)
class Question:
    """read: None asks the unit for its identification (43/14), from object `first` on, in `category`."""

    unit: int
    read: Read | None
    patience_s: float
    category: int = identification.BASIC
    first: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What came: data of a read, texts of an identification, an exception's code, or why there is nothing.

    late: units whose earlier answers came meanwhile, with how long they took.
    """

    data: bytes | None = None
    told: identification.Told | None = None
    exception: int | None = None
    why: str = ""
    latency_s: float = 0.0
    late: tuple[tuple[int, float], ...] = ()

    @property
    def somebody(self) -> bool:
        if self.exception is not None:
            return self.exception not in (GATEWAY_PATH, GATEWAY_TARGET)
        return self.data is not None or self.told is not None


@dataclass(slots=True)
class Unit:
    """One that answered. said: how, the first time. profile: the model its registers name; hints: else what its values fit."""

    unit: int
    said: str
    latency_s: float
    profile: str | None = None
    hints: list[Hint] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(slots=True)
class Survey:
    """asked: unit numbers, in order. any_number: the device answers whatever the number, so it is one."""

    asked: list[int]
    units: list[Unit] = field(default_factory=list)
    any_number: bool = False


@dataclass(frozen=True, slots=True)
class Ways:
    """How to look. guess: also by values. identify: also by 43/14."""

    patience_s: float = 1.0
    guess: bool = True
    identify: bool = False


Talk = Generator[Question, Heard, None]


class Discovery:
    """`talk` is the conversation; `found` is what it has brought so far, whole whenever the talk is broken off."""

    def __init__(self, units: Sequence[int], profiles: Sequence[Profile], samples: Sequence[Sample], ways: Ways) -> None:
        self.found = Survey(list(units))
        self._known = [profile for profile in profiles if profile.identity]
        self._samples = {sample.profile: sample for sample in samples}
        self._ways = ways
        self._late: dict[int, float] = {}  # unit -> its slowest answer

    def talk(self) -> Talk:
        for number in self.found.asked:
            yield from self._open(number, self._ways.patience_s)
        present = {unit.unit for unit in self.found.units}
        for number, took_s in list(self._late.items()):
            if number not in present:
                yield from self._open(number, min(MOST_PATIENCE_S, 2 * took_s))
        self.found.units.sort(key=lambda unit: self.found.asked.index(unit.unit))
        yield from self._any_number()
        for unit in self.found.units:
            yield from _Interview(unit, self._known, self._samples, self._ways).talk()

    def _open(self, number: int, patience_s: float) -> Talk:
        for read in OPENERS:
            heard = yield Question(number, read, patience_s)
            for unit, took_s in heard.late:
                self._late[unit] = max(took_s, self._late.get(unit, 0.0))
            if heard.somebody:
                said = "an answer" if heard.exception is None else f"exception {heard.exception}"
                self.found.units.append(Unit(number, said, heard.latency_s))
                return
            if heard.exception == GATEWAY_PATH:
                return

    def _any_number(self) -> Talk:
        """Where all that were asked answered, one that nobody has is asked too."""
        free = [number for number in UNUSED if number not in self.found.asked]
        if len(self.found.units) < 2 or len(self.found.units) < len(self.found.asked) or not free:
            return
        heard = yield Question(free[0], OPENERS[0], self._ways.patience_s)
        if heard.somebody:
            self.found.any_number = True
            del self.found.units[1:]


class _Interview:
    """One unit's questions."""

    def __init__(self, unit: Unit, known: Sequence[Profile], samples: dict[str, Sample], ways: Ways) -> None:
        self._unit, self._known, self._samples, self._ways = unit, known, samples, ways
        self._patience_s = min(MOST_PATIENCE_S, max(ways.patience_s, SLOWER * unit.latency_s))
        self._answers: dict[Read, bytes | None] = {}  # None: refused
        self._silences = 0

    def talk(self) -> Talk:
        if self._ways.identify:
            yield from self._own_words()
        for profile in self._known:
            yield from self._is_it(profile)
            if self._unit.profile is not None or self._gone():
                return
        if not self._ways.guess:
            return
        hints: list[Hint] = []
        for sample in self._samples.values():
            yield from self._read(sample.read)
            if self._gone():
                break
            data = self._answers.get(sample.read)
            hint = sample.hint(data) if data else None
            if hint is not None:
                hints.append(hint)
        self._unit.hints = best(hints)

    def _is_it(self, profile: Profile) -> Talk:
        """A model named by numbers alone must also read sensibly: a small number stands in many registers."""
        for told in profile.identity:
            yield from self._read(identity_read(told))
            if identified(profile, self._answers) is False or identity_read(told) not in self._answers:
                return
        if not identified(profile, self._answers):
            return
        sample = self._samples.get(profile.name)
        if sample is not None and not any(told.text for told in profile.identity):
            yield from self._read(sample.read)
            data = self._answers.get(sample.read)
            if not data or sample.hint(data) is None:
                return
        self._unit.profile = profile.name

    def _read(self, read: Read) -> Talk:
        """Each read once; a silent one may be asked again by whoever needs it too."""
        if read in self._answers:
            return
        heard = yield Question(self._unit.unit, read, self._patience_s)
        if heard.exception in (ACKNOWLEDGE, BUSY):
            heard = yield Question(self._unit.unit, read, self._patience_s)
        if not heard.somebody:
            self._silences += 1
            return
        self._silences = 0
        self._answers[read] = heard.data

    def _own_words(self) -> Talk:
        """Basic identification, then what regular identification has more; devices differ in whether it tells the basic objects too."""
        if (yield from self._words(identification.BASIC, 0)):
            yield from self._words(identification.REGULAR, identification.FIRST_REGULAR)

    def _words(self, category: int, first: int) -> Generator[Question, Heard, bool]:
        """As many replies as it takes. Whether the device answers this at all."""
        for _ in range(identification.MOST_REPLIES):
            heard = yield Question(self._unit.unit, None, self._patience_s, category, first)
            if heard.told is None:
                return False
            self._unit.texts |= heard.told.texts
            if heard.told.following is None or heard.told.following <= first:
                break
            first = heard.told.following
        return True

    def _gone(self) -> bool:
        if self._silences < MOST_SILENCES:
            return False
        self._unit.note = "fell silent over the questions that tell a model"
        return True
