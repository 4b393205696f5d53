"""The emergency steps of a rule (O-3): what somebody alone does after the first step, in order; a page shows them as they stand."""

from __future__ import annotations

from collections.abc import Mapping

from plantroom import yaml_file as y
from plantroom.messages import width

FEWEST, MOST = 2, 6
WIDEST = {"zh": 80, "en": 90}  # columns; a Chinese character takes two
HOW = 'must be {zh: ["...", "..."], en: ["...", "..."]}'


def read_steps(node: y.Node | None, paper: y.Paper) -> Mapping[str, tuple[str, ...]]:
    """By language, as many in each; {} where the rule has none. Every problem goes on the paper with its line."""
    if node is None or (isinstance(node, y.Scalar) and node.bad):
        return {}
    if not isinstance(node, y.Map):
        paper.wrong(node.line, "steps", HOW)
        return {}
    for language in node.items.keys() - WIDEST.keys():
        paper.wrong(node.lines[language], "steps", f"{language!r} is no language of the rules; {HOW}")
    read = {language: _listed(node, language, paper) for language in WIDEST}
    if all(read.values()) and len({len(steps) for steps in read.values()}) > 1:
        said = ", ".join(f"{language} has {len(steps)}" for language, steps in read.items())
        paper.wrong(node.line, "steps", f"must be as many in each language, step by step the same ({said})")
    return read


def _listed(node: y.Map, language: str, paper: y.Paper) -> tuple[str, ...]:
    where, listed = f"steps.{language}", node.items.get(language)
    if listed is None:
        paper.wrong(node.line, where, "is missing")
        return ()
    if not isinstance(listed, y.Sequence):
        paper.wrong(listed.line, where, f"must be a list of steps, not {y.described(listed)}")
        return ()
    if not FEWEST <= len(listed.items) <= MOST:
        paper.wrong(listed.line, where, f"has {len(listed.items)}; write {FEWEST} to {MOST} steps")
    return tuple(_step(item, language, f"{where}[{n}]", paper) for n, item in enumerate(listed.items, 1))


def _step(node: y.Node, language: str, where: str, paper: y.Paper) -> str:
    try:
        step = y.text(node).strip()
    except y.Wrong as error:
        paper.wrong(node.line, where, str(error))
        return ""
    if not step:
        paper.wrong(node.line, where, "is empty")
    if "{" in step or "}" in step:
        paper.wrong(node.line, where, "takes no values: it stands on the page as it is written")
    if (wide := width(step)) > WIDEST[language]:
        limit = f"{WIDEST[language] // 2} Chinese characters" if language == "zh" else f"{WIDEST[language]} characters"
        paper.wrong(node.line, where, f"is {wide - WIDEST[language]} columns too wide; a step is read at a glance: at most {limit}")
    return step
