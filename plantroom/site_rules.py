"""The parts of a site file that speak of rules and of the service's times: `rules`, with the rule files a site brings, and `clocks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from plantroom.model import Severity
from plantroom.site import Clocks

OWN = "rules/site/"  # where a site's own rule texts stand in a config record, each under its path beside the site file
CLOCKS = ("response", "arrival", "unit", "restore")
OF_DANGER = "unit"  # the maintenance unit's, where people are trapped
LONGEST_S = 31 * 86_400.0
WITHOUT_CLOCK = Severity.ADVISORY

FilesOf = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Rules:
    """parameters: rule id -> name -> value; off: rule id -> why."""

    parameters: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    off: Mapping[str, str] = field(default_factory=dict)


def read_rules(node: y.Node | None, paper: y.Paper, files_of: FilesOf) -> Rules:
    """files_of: the texts a name under `files` stands for, by path; BadInput where there are none."""
    f = y.Fields(node or y.Map(0, {}, {}), "rules", paper)
    parameters = {
        rule: parts.parameters(item, f"rules.parameters.{rule}", paper)
        for rule, item in y.mapping(f.child("parameters"), "rules.parameters", paper).items.items()
    }
    off = parts.reasons(f.child("off"), "rules.off", paper)
    for item in y.entries(f.child("files"), "rules.files", paper):
        try:
            files_of(y.text(item))
        except y.Wrong as error:
            paper.wrong(item.line, "rules.files", str(error))
        except BadInput as error:
            for problem in error.problems:
                paper.wrong(item.line, "rules.files", problem.text)
    f.done()
    return Rules(parameters, off)


def texts_beside(folder: Path, name: str) -> Mapping[str, str]:
    """The rule texts a name stands for, a file or a folder with all below it, by their path in a config record. Raises BadInput."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise _wrong(name, "lies outside the site file's folder; rule files stand beside it, so that they are kept together")
    place = folder / path
    found = sorted(place.rglob("*.yaml")) if place.is_dir() else [place] if place.is_file() else []
    if not found:
        what = "holds no .yaml file" if place.is_dir() else "is not there"
        raise _wrong(name, f"{what}; name a rule file, or a folder of them, beside the site file")
    return {f"{OWN}{file.relative_to(folder).as_posix()}": y.read_text(file) for file in found}


def read_clocks(node: y.Node | None, paper: y.Paper) -> Clocks:
    if node is None:
        return Clocks()
    f = y.Fields(node, "clocks", paper)
    limits: dict[str, Mapping[Severity, float]] = {}
    for name in CLOCKS:
        inner = f.child(name)
        if inner is not None:
            limits[name] = _limits(y.Fields(inner, f"clocks.{name}", paper))
            for other in limits[name].keys() - {Severity.DANGER} if name == OF_DANGER else ():
                paper.wrong(inner.line, f"clocks.{name}.{other}", "people who are trapped are in danger: it has no other class")
    share = f.opt("warn_at", _share)
    f.done()
    return Clocks(limits, share)


def _limits(f: y.Fields) -> Mapping[Severity, float]:
    found: dict[Severity, float] = {}
    for severity in Severity:
        if severity is not WITHOUT_CLOCK and (length := f.opt(severity.value, _length)) is not None:
            found[severity] = length
    if WITHOUT_CLOCK.value in f.node.items:
        f.wrong(WITHOUT_CLOCK.value, "has no clock: it is an order for the next working day")
    f.done((WITHOUT_CLOCK.value,))
    return found


def _length(node: y.Node) -> float:
    length = y.duration(node)
    if not 60.0 <= length <= LONGEST_S:
        raise y.Wrong(f"is outside 1m..{LONGEST_S / 86_400:g}d", node)
    return length


def _share(node: y.Node) -> float:
    """`80 %` or 80."""
    text = y.text(node).removesuffix("%").strip()
    try:
        share = float(text)
    except ValueError:
        raise y.Wrong(f"{y.text(node)!r} is no share; write 80 %", node) from None
    if not 10.0 <= share <= 100.0:
        raise y.Wrong("is outside 10 % .. 100 % of a limit", node)
    return share / 100.0


def _wrong(name: str, text: str) -> BadInput:
    return BadInput([Problem(name, 0, "", f"{name}: {text}")])
