"""An applied site: the texts that make it, as one CONFIG record of the journal. Check, apply, read back.

Body: {"hash", "who", "difference", "root", "files": {path: text}}. Files are the site file (`root`), its profiles and kinds, and what the
checks of the other packages add (rule texts): with them an old journal can be recomputed by a later release. Secrets stay references.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from pathlib import Path

import orjson
import structlog

from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal, Reader
from plantroom.journal.record import Entry, Kind, Record
from plantroom.site import Equipment, Site
from plantroom.site_file import MONITOR, load_site, load_texts, with_files
from plantroom.site_rules import OWN
from plantroom.words import say

CHECKS = "plantroom.checks"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check has to say. files: path -> text of what the site needs from it (rules/...); they join the config record.

    notes: what is allowed and yet to be seen, in the site's language.
    """

    problems: Sequence[Problem] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


Check = Callable[[Site], Checked]


def checks() -> Mapping[str, Check]:
    """The checks of the installed packages, by name. Raises BadInput where one cannot be loaded: nothing is applied half checked."""
    found: dict[str, Check] = {}
    for entry in sorted(entry_points(group=CHECKS), key=lambda entry: entry.name):
        try:
            found[entry.name] = entry.load()
        except (ImportError, AttributeError) as error:
            said = f"cannot be loaded: {error}; the installation is damaged, install Plantroom again"
            raise BadInput([Problem(f"check {entry.name}", 0, entry.value, said)]) from error
    return found


def checked(path: Path, *, env: Mapping[str, str] | None = None, by: Mapping[str, Check] | None = None) -> Site:
    """The site with all its texts, passed by every check (`by`: all installed ones). Raises BadInput with every problem."""
    site = load_site(path, env=env)
    problems: list[Problem] = []
    files = dict(site.files)
    for name, check in (checks() if by is None else by).items():
        try:
            outcome = check(site)
        except BadInput as error:
            outcome = Checked(error.problems)
        problems += outcome.problems
        for file, text in outcome.files.items():
            if files.setdefault(file, text) != text:
                problems.append(Problem(file, 0, "", f"the check {name!r} brings another text under this path; give the file another name"))
    if problems:
        raise BadInput(_where_it_lies(problem, path) for problem in problems)
    return with_files(site, files)


def _where_it_lies(problem: Problem, site: Path) -> Problem:
    """With the file as the one who called us can open it: checks know paths inside the bundle only."""
    if problem.file == site.name:
        return replace(problem, file=str(site))
    return replace(problem, file=str(site.parent / problem.file.removeprefix(OWN))) if problem.file.startswith(OWN) else problem


def notes_of(site: Site, *, by: Mapping[str, Check] | None = None) -> list[str]:
    """What the checks have to say of a good site."""
    return [note for check in (checks() if by is None else by).values() for note in check(site).notes]


def problems_of(path: Path, *, env: Mapping[str, str] | None = None) -> list[Problem]:
    """Everything wrong with a site file, with the profiles and rules it uses; [] where it can be applied."""
    try:
        checked(path, env=env)
    except BadInput as error:
        return list(error.problems)
    return []


def apply(
    site_path: Path, journal: Journal, who: str, *, env: Mapping[str, str] | None = None, by: Mapping[str, Check] | None = None
) -> Record | None:
    """Checks a site file and appends it as a CONFIG record. None where exactly this is applied already. Raises BadInput."""
    site = checked(site_path, env=env, by=by)
    last = _newest(journal)
    if last is not None and _hash_in(last) == site.hash:
        return None
    body = {
        "hash": site.hash,
        "who": who,
        "difference": _difference_to(last, site),
        "root": site.root,
        "files": dict(site.files),
    }
    writer = journal.writer("apply")
    try:
        writer.append([Entry(Kind.CONFIG, orjson.dumps(body))])
    finally:
        writer.close()
    return _newest(journal)


def _newest(journal: Journal) -> Record | None:
    reader = journal.reader()
    try:
        return reader.last_of(Kind.CONFIG)
    finally:
        reader.close()


def site_of(reader: Reader, *, env: Mapping[str, str] | None = None) -> tuple[int, Site] | None:
    """The applied site, and the seq of the newest CONFIG record; None before the first.

    Where this release cannot read the newest, the one before it still holds, as it does for the engine. Raises BadInput, the newest's,
    where none can be read.
    """
    newest = record = reader.last_of(Kind.CONFIG)
    first: BadInput | None = None
    while newest is not None and record is not None:
        try:
            return newest.seq, site_in(record, env=env)
        except BadInput as error:
            log.error("config.unreadable", seq=record.seq, error=str(error))
            first = first or error
            record = reader.last_of(Kind.CONFIG, before=record.seq)
    if first is not None:
        raise first
    return None


def site_in(record: Record, *, env: Mapping[str, str] | None = None) -> Site:
    """The site of a CONFIG record, from its own texts alone. A secret that is not there any more is None. Raises BadInput."""
    try:
        body = orjson.loads(record.body)
        root, files = body["root"], body["files"]
        readable = root in files and all(isinstance(text, str) for text in files.values())
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(record) from error
    if not readable:
        raise _unreadable(record)
    return load_texts(root, files, env)


def _hash_in(record: Record) -> object:
    """None where the record is no configuration: applying again replaces it."""
    try:
        body = orjson.loads(record.body)
    except orjson.JSONDecodeError:
        return None
    return body.get("hash") if isinstance(body, dict) else None


def _unreadable(record: Record) -> BadInput:
    return BadInput([Problem("journal", record.seq, "config", "is no configuration; apply the site file again")])


def _difference_to(last: Record | None, new: Site) -> str:
    if last is None:
        return say("bundle.first", new.language)
    try:
        old = site_in(last)
    except BadInput:
        return say("bundle.unreadable", new.language)
    return difference(old, new)


def difference(old: Site, new: Site) -> str:
    """What changed, in the site's language, by id: `设备: 新增 lift-25; 变更 fp-1(点位,名称)`."""
    lines = [
        line
        for what, before, after in (
            ("connections", old.connections, new.connections),
            ("devices", old.devices, new.devices),
            ("equipment", old.equipment, new.equipment),
            ("channels", old.channels, new.channels),
            ("people", old.people, new.people),
            ("teams", old.roster.teams, new.roster.teams),
            ("spares", old.spares, new.spares),
        )
        if (line := _of_things(what, before, after, new.language))
    ]
    for what, one, other in (
        ("site", _head(old), _head(new)),
        ("influxdb", old.influxdb, new.influxdb),
        ("parameters", old.parameters, new.parameters),
        ("rules_off", old.rules_off, new.rules_off),
        ("clocks", old.clocks, new.clocks),
        ("needs", old.roster.needed, new.roster.needed),
        ("escalation", old.chains, new.chains),
        ("watch", old.watch, new.watch),
    ):
        if one != other:
            lines.append(say("bundle.changed", new.language, what=say(f"bundle.part.{what}", new.language)))
    lines += _of_files(old.files, new.files, new)
    return "; ".join(lines) or say("bundle.texts_only", new.language)


def _head(site: Site) -> tuple[object, ...]:
    return (site.id, site.name, site.zone, site.language, site.practice, site.web)


def _of_things(what: str, old: Mapping[str, object], new: Mapping[str, object], language: str) -> str:
    added = [key for key in new if key not in old and key != MONITOR]
    removed = [key for key in old if key not in new and key != MONITOR]
    changed = [_changed(key, old[key], new[key], language) for key in new if key in old and not _same(old[key], new[key])]
    parts = [
        say(f"bundle.{verb}", language, what=", ".join(names))
        for verb, names in (("added", added), ("removed", removed), ("changed", changed))
        if names
    ]
    return f"{say(f'bundle.part.{what}', language)}: {', '.join(parts)}" if parts else ""


def _same(old: object, new: object) -> bool:
    return not _fields(old, new) if isinstance(old, Equipment) and isinstance(new, Equipment) else old == new


def _changed(key: str, old: object, new: object, language: str) -> str:
    if not isinstance(old, Equipment) or not isinstance(new, Equipment):
        return key
    return f"{key} ({', '.join(say(f'bundle.field.{name}', language) for name in _fields(old, new))})"


def _fields(old: Equipment, new: Equipment) -> list[str]:
    """Names of what differs. Kinds are compared by name: their text shows among the files."""
    names = (
        "name", "state", "location", "parameters", "rules_off", "ledger", "rescue", "way", "key", "documents",
        "certificates", "records", "bindings",
    )  # fmt: skip
    found = [name for name in names if getattr(old, name) != getattr(new, name)]
    return ["kind", *found] if old.kind.name != new.kind.name else found


def _of_files(old: Mapping[str, str], new: Mapping[str, str], site: Site) -> list[str]:
    """Profiles, kinds and rules whose text came, went or changed."""
    paths = [path for path in {**old, **new} if "/" in path and old.get(path) != new.get(path)]
    came = sorted(path for path in paths if path not in old)
    went = sorted(path for path in paths if path not in new)
    other = sorted(path for path in paths if path in old and path in new)
    found = []
    for verb, names in (("added", came), ("removed", went), ("changed", other)):
        if names:
            shown = [*names[:8], "..."] if len(names) > 8 else names
            found.append(f"{say('bundle.part.files', site.language)}: {say(f'bundle.{verb}', site.language, what=', '.join(shown))}")
    return found
