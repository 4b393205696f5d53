"""What the rules can and cannot detect on a site's machines, and why not: for `rules list`, in people's words and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plantroom.kinds import Kind
from plantroom.plain_words import ANY_UNIT, parameter_name, without_values
from plantroom.site import Equipment
from plantroom.words import LANGUAGES, say
from rules.applies import Reason, SiteSettings, caveat, reason_not, settings_of, why_not
from rules.house import Group, House
from rules.rule import Rule
from rules.rule_check import MONITOR

MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Detects:
    """One rule on one machine. reason: why not; None = it can. poll: what it may miss all the same, by language."""

    rule: Rule
    severity: str
    reason: Reason | None
    poll: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Watched:
    """A machine: what each rule of its kind can do there. unwatched: functional items that no rule here can see fail."""

    machine: Equipment
    rules: tuple[Detects, ...]
    unwatched: tuple[str, ...]

    @property
    def can(self) -> int:
        return sum(one.reason is None for one in self.rules)


@dataclass(frozen=True, slots=True)
class Grouped:
    """A group's rule. reason: why it can never be raised."""

    group: Group
    rule: Rule
    reason: Reason | None


def watched(house: House) -> Iterator[Watched]:
    """Every machine but Plantroom itself, in the site file's order; what applies first."""
    settings = settings_of(house.site)
    for machine in house.site.equipment.values():
        if machine.kind.name != MONITOR:
            yield _watched(house, machine, settings)


def _watched(house: House, machine: Equipment, settings: SiteSettings) -> Watched:
    kind = machine.kind
    found = [
        Detects(rule, rule.severity_for(kind.name), reason, {lang: None if reason else caveat(rule, machine, lang) for lang in LANGUAGES})
        for rule in house.book.for_kind(kind.name)
        for reason in [reason_not(rule, machine, settings)]
    ]
    seen = {item for one in found if one.reason is None for item in one.rule.disables}
    return Watched(machine, tuple(sorted(found, key=lambda one: one.reason is not None)), tuple(i for i in kind.items if i not in seen))


def grouped(house: House) -> Iterator[Grouped]:
    """The rules of connections and banks of the site."""
    settings = settings_of(house.site)
    for group in house.groups.values():
        for rule in house.group_rules(group.kind):
            among = rule.when_faults
            assert among is not None
            counted = sum(
                any(
                    known is not None and why_not(known, machine, settings) is None
                    for known in (house.rule(machine.kind.name, id_) for id_ in ids)
                )
                for member in group.members
                for machine, ids in [(house.site.equipment[member], house.counted(among, member))]
            )
            reason = None
            if reason_off := settings.rules_off.get(rule.id):
                reason = Reason("off_site", {"reason": reason_off})
            elif len(group.members) < among.least:
                reason = Reason("members", {"count": str(len(group.members)), "least": str(among.least)})
            elif counted < among.least:
                reason = Reason("uncounted")
            yield Grouped(group, rule, reason)


# --- words


def title(rule: Rule, kind: Kind | None, lang: str) -> str:
    """A rule's words without the values of a moment: `Low oil pressure {oil_pressure:.0f} kPa` -> `Low oil pressure`."""

    def unit_of(name: str) -> str:
        point = kind.points.get(name) if kind is not None else None
        parameter = rule.parameters.get(name)
        unit = point.unit if point is not None else parameter.unit if parameter is not None else ""
        return unit or ("" if kind is None else ANY_UNIT)

    return without_values(rule.says[lang], unit_of, "" if kind is not None else "N") or rule.id


def words_of(reason: Reason, kind: Kind | None, lang: str) -> str:
    """Why not, with points and parameters by the names people know; behind a parameter what is typed into the site file."""

    def name(point: str) -> str:
        known = kind.points.get(point) if kind is not None else None
        return point if known is None or lang == "en" else f"{known.says.get(lang, point)}({point})"

    either = f" {say('detect.or', lang)} "
    points = say("detect.gap", lang).join(either.join(name(point) for point in entry) for entry in reason.points)
    named = (say("detect.unset", lang, words=parameter_name(*one, lang), name=".".join(one)) for one in reason.unset)
    unset = say("detect.gap", lang).join(named)
    return say(f"detect.why.{reason.code}", lang, **reason.values, points=points, parameters=unset)


def part_of(rule: Rule, lang: str) -> str | None:
    """Of which faults a rule's is only a part."""
    if not rule.inhibited_by:
        return None
    names = [say("detect.feeder", lang, rule=parent.rule) if parent.of_feeder else parent.rule for parent in rule.inhibited_by]
    more = [say("detect.more", lang, count=len(names) - MOST_NAMES)] if len(names) > MOST_NAMES else []
    return say("detect.part_of", lang, rules=say("detect.gap", lang).join(names[:MOST_NAMES] + more))


def lines(machines: Sequence[Watched], groups: Sequence[Grouped], lang: str) -> Iterator[str]:
    """For people."""
    gap = say("detect.gap", lang)
    for found in machines:
        machine, kind = found.machine, found.machine.kind
        count = say("detect.count", lang, count=found.can, of=len(found.rules))
        yield f"{machine.id}  {machine.name}  ({kind.says.get(lang, kind.name)}): {count}"
        last: bool | None = None
        for one in found.rules:
            if last is not (one.reason is None):
                last = one.reason is None
                yield f"  {say('detect.can' if last else 'detect.cannot', lang)}"
            notes = [words_of(one.reason, kind, lang)] if one.reason is not None else []
            notes += [note for note in (one.poll[lang], part_of(one.rule, lang) if last else None) if note]
            severity = say(f"severity.{one.severity}", lang)
            yield f"  {'+' if last else '-'} {one.rule.id}  {severity}  {title(one.rule, kind, lang)}" + (
                f"  -- {'; '.join(notes)}" if notes else ""
            )
        if found.unwatched and found.can:
            yield f"  ! {say('detect.unwatched', lang, items=gap.join(_item(kind, item, lang) for item in found.unwatched))}"
    name = ""
    for one_ in groups:
        if one_.group.id != name:
            name = one_.group.id
            yield say("detect.group", lang, name=name, members=gap.join(one_.group.members))
        among = one_.rule.when_faults
        assert among is not None
        note = (
            words_of(one_.reason, None, lang)
            if one_.reason is not None
            else say("detect.among", lang, least=among.least, share=f"{among.share * 100:g}")
        )
        yield f"  {'-' if one_.reason else '+'} {one_.rule.id}  {title(one_.rule, None, lang)}  -- {note}"


def _item(kind: Kind, item: str, lang: str) -> str:
    return kind.items[item].says.get(lang, item)


def as_json(machines: Sequence[Watched], groups: Sequence[Grouped]) -> Iterator[Mapping[str, Any]]:
    """A line for each rule of each machine, one for each machine as a whole, one for each group's rule."""
    for found in machines:
        machine, kind = found.machine, found.machine.kind
        for one in found.rules:
            yield {
                "equipment": machine.id,
                "rule": one.rule.id,
                "severity": one.severity,
                "applies": one.reason is None,
                "why_not": words_of(one.reason, kind, "en") if one.reason is not None else None,
                "caveat": one.poll["en"],
                "detects": {lang: title(one.rule, kind, lang) for lang in LANGUAGES},
                "why": None
                if one.reason is None
                else {"code": one.reason.code, **{lang: words_of(one.reason, kind, lang) for lang in LANGUAGES}},
                "inhibited_by": [f"{parent.rule}{'@fed_by' if parent.of_feeder else ''}" for parent in one.rule.inhibited_by],
            }
        yield {"equipment": machine.id, "rules": len(found.rules), "can": found.can, "unwatched": list(found.unwatched)}
    for one_ in groups:
        among = one_.rule.when_faults
        assert among is not None
        yield {
            "group": one_.group.id,
            "kind": one_.group.kind,
            "members": list(one_.group.members),
            "rule": one_.rule.id,
            "applies": one_.reason is None,
            "why": None
            if one_.reason is None
            else {"code": one_.reason.code, **{lang: words_of(one_.reason, None, lang) for lang in LANGUAGES}},
            "when_faults": {
                "rule": among.rule,
                "disables": among.disables,
                "share": among.share,
                "least": among.least,
                "during": among.during,
            },
        }
