"""Rules made in a line, and machines watched second by second, for tests of the rule language and its evaluator."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from plantroom.clock import NS
from plantroom.kinds import Kind, load_kind
from plantroom.model import Batch, Quality
from rules.applies import SiteSettings
from rules.condition import State, Transition
from rules.evaluate import KindEvaluator
from rules.graph import Graph
from rules.language import parse
from rules.rule import Rule
from rules.rule_file import parse_rule
from rules.types import Given, condition
from rules.virtual import machine

START = 1_800_000_000 * NS
KIND = "generator"
Seen = float | Quality | None
TIMES = int(os.environ.get("PROPERTY_TIMES", "1"))  # how many times as many examples a property test tries


def made(when: str, kind: str = KIND, id: str = "under_test", **more: str) -> Rule:
    """A rule that needs what its `when` and `clear_when` read. more: further keys as YAML; `for_` stands for `for`."""
    known = load_kind(kind)
    parameters = more.get("parameters", "")
    names = read_by([text for text in (when, more.get("clear_when")) if text], known, parameters)
    keys = {"id": id, "applies_to": kind, "needs": f"[{', '.join(names)}]", "when": f"'{when}'", "on_missing": "hold", "severity": "normal"}
    keys |= {"says": "{zh: 测, en: test}", "do": "{zh: 看, en: look}"} | {key.rstrip("_"): text for key, text in more.items()}
    if "clear_when" in more:
        keys["clear_when"] = f"'{more['clear_when']}'"
    some = names[0] if names else next(iter(known.points))
    keys["tests"] = f"[{{name: quiet, every: 1s, {some}: 'bad x1, sentinel x1', expect: {{0s: cleared}}}}]"
    return parse_rule("".join(f"{key}: {text}\n" for key, text in keys.items()), f"{id}.yaml")


def read_by(texts: Sequence[str], kind: Kind, parameters: str = "") -> list[str]:
    """The points expressions read for sure (not those asked for with has)."""
    units = {name: "" for name in _parameter_names(parameters)}
    found: dict[str, None] = {}
    for text in texts:
        graph = Graph()
        try:
            root = condition(parse(text), Given(kind, "x", units), graph)
        except ValueError:  # parameters with units: a plain reading of the words will do
            words = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text).split()
            found |= dict.fromkeys(word for word in words if word in kind.points)
            continue
        asked = graph.asked(root)
        found |= dict.fromkeys(name for name in graph.points(root) if name not in asked)
    return list(found)


def _parameter_names(text: str) -> list[str]:
    return [part.split(":")[0].strip(" {") for part in text.split("},") if ":" in part]


class Watch:
    """Machines of a kind under some rules. Instants are seconds after START; a machine's points not named in a call have no sample."""

    def __init__(
        self, rules: Rule | Sequence[Rule], points: Iterable[str], *, kind: str = KIND, machines: int = 1, period_s: float = 1.0,
        parameters: Sequence[Mapping[str, float | str]] = (), site: SiteSettings | None = None,
    ) -> None:  # fmt: skip
        self.rules = (rules,) if isinstance(rules, Rule) else tuple(rules)
        self.points = tuple(points)
        known = load_kind(kind)
        given = list(parameters) or [{}] * machines
        self.machines = [machine(known, self.points, period_s, settings, id=f"m{n}") for n, settings in enumerate(given)]
        self.evaluator = KindEvaluator(known, self.machines, self.rules, site or SiteSettings())
        self.moved: list[Transition] = []

    def see(self, at_s: float, machine: int = 0, **values: Seen) -> list[Transition]:
        """One row of samples. A number is good, a Quality is bad for that reason, None is no sample."""
        return self.rows(at_s, {machine: values})

    def rows(self, at_s: float, seen: Mapping[int, Mapping[str, Seen]]) -> list[Transition]:
        """One row for each of several machines, in one step."""
        count = len(self.evaluator.columns)
        values = np.full((len(seen), count), np.nan)
        quality = np.full((len(seen), count), Batch.ABSENT, np.uint8)
        for row, samples in enumerate(seen.values()):
            for name, value in samples.items():
                column = self.evaluator.columns[name]
                if isinstance(value, Quality):
                    quality[row, column] = value
                elif value is not None:
                    values[row, column], quality[row, column] = value, Quality.GOOD
        at = np.full(len(seen), START + round(at_s * NS), np.int64)
        return self._kept(self.evaluator.step(np.array(list(seen)), at, values, quality))

    def stay(self, start_s: int, end_s: int, machine: int = 0, **values: Seen) -> None:
        """The same samples each second in start..end-1, with a tick half a second after each."""
        for at in range(start_s, end_s):
            self.see(at, machine, **values)
            self.tick(at + 0.5)

    def tick(self, at_s: float) -> list[Transition]:
        return self._kept(self.evaluator.tick(START + round(at_s * NS)))

    def state(self, rule: str | None = None, machine: int = 0) -> State:
        return self.evaluator.state(f"m{machine}", rule or self.rules[0].id)

    def _kept(self, transitions: list[Transition]) -> list[Transition]:
        self.moved += transitions
        return transitions

    @property
    def story(self) -> list[tuple[float, str]]:
        """(seconds after START, new state) of everything that happened."""
        return [((t.at_ns - START) / NS, t.after.value) for t in self.moved]


def truth(when: str, kind: str = KIND, parameters: str = "", **values: Seen) -> bool | None:
    """What a condition says of one look: True, False or None = unknown. Read off two rules, one with the negation."""
    yes, no = made(when, kind, "yes", parameters=parameters or "{}"), made(f"not ({when})", kind, "no", parameters=parameters or "{}")
    watch = Watch([yes, no], values, kind=kind)
    watch.see(0, **values)
    active = {rule: watch.state(rule) is State.ACTIVE for rule in ("yes", "no")}
    assert not all(active.values())
    return True if active["yes"] else False if active["no"] else None
