"""A rule as read: what it watches, what it says, and how it proves itself. One rule a file, rules/packs/<kind>/<rule>.yaml."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from plantroom.model import Quality, Severity
from rules.language import Tree

ANY = "any"
UNKNOWN_VALUE = {"zh": "未知", "en": "unknown"}


class OnMissing(StrEnum):
    """What an unknown `when` does. There is no `clear`: silence is never health."""

    HOLD = "hold"
    RAISE = "raise"


@dataclass(frozen=True, slots=True)
class Parameter:
    """value in unit (durations in s); None = the site must give one, the rule applies nowhere without. range: what a site may set."""

    name: str
    value: float | None
    unit: str
    range: tuple[float, float]
    source: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One step of a test series. value NaN with a quality = a bad sample; quality None = no sample at all."""

    value: float
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A virtual stretch of time: series sampled every `every_s` from 0; expect: second -> state, line of the expectation."""

    name: str
    line: int
    kind: str
    every_s: float
    series: Mapping[str, tuple[Sample, ...]]
    parameters: Mapping[str, float]
    expect: Mapping[float, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Parent:
    """A rule whose open fault explains this one. of_feeder: on a machine that feeds this one (`rule@fed_by`), else on this machine."""

    rule: str
    of_feeder: bool


@dataclass(frozen=True, slots=True)
class Among:
    """Raised by faults of a group's members, not by samples: of `rule`, or of any rule that `disables` an item.

    share: of the members, 0..1; least: members at the fewest. during: a fact of the site that must hold when it is raised, or None.
    """

    rule: str | None
    disables: str | None
    share: float
    least: int
    during: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """needs: each entry lists points of which one at least must be bound. for_, clear_after: seconds, or the name of a parameter.

    on_event: a monitor rule, raised by an EVENT record of that name; fields: the event's own values its words use.
    on_report: a person raises it, or the plan, and no telemetry ends it.
    on_certificate: raised past the last day of a machine's certificate (rules/certificates.py); words: {until}, {certificate}.
    when_faults: a rule of a group (kinds `connection` and `bank`): the parent of its members' faults. inhibited_by: rules/parentage.py.
    hash: over the file's text; a changed rule starts anew.
    """

    id: str
    applies_to: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    when: Tree | None
    clear_when: Tree | None
    parameters: Mapping[str, Parameter]
    for_: float | str
    clear_after: float | str
    on_missing: OnMissing
    severity: Mapping[str, Severity]  # by kind; "any" = the rest
    disables: tuple[str, ...]
    says: Mapping[str, str]
    do: Mapping[str, str]
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by language: what to do after `do`, in order (O-3)
    latch: bool = False
    cov: bool = False
    major: bool = False
    replaces: bool = False  # a site's own rule in the place of a shipped one
    on_event: str | None = None
    on_report: bool = False
    on_certificate: str | None = None
    fields: tuple[str, ...] = ()
    inhibited_by: tuple[Parent, ...] = ()
    when_faults: Among | None = None
    tests: tuple[RuleTest, ...] = ()
    file: str = ""
    text: str = field(default="", repr=False)
    hash: str = ""
    when_text: str = ""
    clear_text: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def covers(self, kind: str) -> bool:
        return kind in self.applies_to or (ANY in self.applies_to and kind != "monitor")

    def severity_for(self, kind: str) -> Severity:
        return self.severity.get(kind) or self.severity[ANY]

    def say(self, language: str, values: Mapping[str, float | str]) -> str:
        """The fault in people's words. values: points and parameters by name; an unknown number is said to be unknown."""
        return _Words(language).vformat(self.says[language], (), values)

    def first_step(self, language: str, values: Mapping[str, float | str]) -> str:
        return _Words(language).vformat(self.do[language], (), values)


class _Words(string.Formatter):
    """Formats named numbers; a value that is missing or NaN becomes the language's word for unknown."""

    def __init__(self, language: str) -> None:
        self._unknown = UNKNOWN_VALUE[language]

    def get_value(self, key: int | str, args: object, kwargs: Mapping[str, object]) -> object:
        return kwargs.get(str(key))

    def format_field(self, value: object, format_spec: str) -> str:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return self._unknown
        if isinstance(value, str):
            return value
        return str(format(value, format_spec))
