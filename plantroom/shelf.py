"""Where the profiles and kinds of a site come from: the installed files and the site's own folder, or the texts of a config record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from plantroom import kinds as kinds_module
from plantroom import profile_file
from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from plantroom.kinds import Kind, parse_kind
from plantroom.ledger.grid import Grid, as_text, of_text, read_file
from plantroom.profile_file import parse_profile
from plantroom.profile_options import split_name
from plantroom.profiles import Profile
from plantroom.site_rules import texts_beside

TextOf = Callable[[str], str | None]
RulesOf = Callable[[str], Mapping[str, str]]
SHEETS = "sheets/"  # and those of its ledger sheets, as grids (plantroom/ledger/grid.py)
CALENDARS = "calendars/"  # where a site's iCalendar texts stand in a config record, each under its path beside the site file


class Shelf:
    """Kinds and profiles by name; keeps every text it gave out, by path, in `files`.

    text_of: text of `kinds/x.yaml` or `profiles/x.yaml`, None where there is none; BadInput where it cannot be read.
    rules_of: a site's own rule texts; None where all there are stand in a config record already. calendars/x.ics and sheets/x.xlsx
    are asked of text_of too.
    known: names for hints, by folder. shown: path -> what problems call it, where that differs.
    """

    def __init__(
        self, text_of: TextOf, known: Mapping[str, tuple[str, ...]], shown: Mapping[str, str] | None = None, rules_of: RulesOf | None = None
    ) -> None:
        self._text_of, self.known, self._shown, self._rules_of = text_of, known, shown or {}, rules_of
        self.files: dict[str, str] = {}
        self.kinds: dict[str, Kind] = {}
        self._profiles: dict[str, Profile | BadInput] = {}

    def kind(self, name: str) -> Kind:
        """Raises KeyError where there is none, BadInput where its file is broken."""
        if name not in self.kinds:
            path, text = self._text("kinds", name)
            self.kinds[name] = parse_kind(text, path)
        return self.kinds[name]

    def profile(self, name: str) -> Profile:
        """By name, with its options after a +. Raises KeyError where there is none, BadInput where its file is broken."""
        if name not in self._profiles:
            plain, options = split_name(name)
            path, text = self._text("profiles", plain)
            try:
                self._profiles[name] = parse_profile(text, path, self.kind, options)
            except BadInput as error:
                self._profiles[name] = BadInput(replace(p, file=self._shown.get(p.file, p.file)) for p in error.problems)
        found = self._profiles[name]
        if isinstance(found, BadInput):
            raise found
        return found

    def rules(self, name: str) -> Mapping[str, str]:
        """The rule texts a name under `rules: files` stands for, by path. Raises BadInput."""
        found = self._rules_of(name) if self._rules_of is not None else {}
        self.files.update(found)
        return found

    def calendar(self, name: str) -> tuple[str, str]:
        """(what problems call it, its text) of an iCalendar file beside the site file. Raises KeyError or BadInput."""
        path = f"{CALENDARS}{PurePosixPath(name)}"
        text = self._text_of(path)
        if text is None:
            raise KeyError(name)
        self.files[path] = text
        return self._shown.get(CALENDARS, CALENDARS) + path.removeprefix(CALENDARS), text

    def sheet(self, name: str) -> tuple[str, Grid]:
        """(what problems call it, its cells) of a ledger sheet beside the site file. Raises KeyError or BadInput."""
        path = f"{SHEETS}{PurePosixPath(name)}"
        text = self._text_of(path)
        if text is None:
            raise KeyError(name)
        self.files[path] = text
        return self._shown.get(SHEETS, SHEETS) + path.removeprefix(SHEETS), of_text(text, name)

    def _text(self, folder: str, name: str) -> tuple[str, str]:
        path = f"{folder}/{name}.yaml"
        text = self._text_of(path)
        if text is None:
            raise KeyError(name)
        self.files[path] = text
        return path, text


def installed(folder: Path) -> Shelf:
    """What ships with Plantroom, and the profiles in `profiles/` beside the site file. A name that is in both is refused."""
    own = {path.stem: path for path in sorted((folder / "profiles").glob("*.yaml"))}
    shipped = {"kinds": kinds_module.BUILTIN, "profiles": profile_file.BUILTIN}

    def text_of(path: str) -> str | None:
        group, _, file = path.partition("/")
        if f"{group}/" in (CALENDARS, SHEETS):
            found = _beside(folder, file)
            return None if found is None else as_text(read_file(found)) if f"{group}/" == SHEETS else y.read_text(found)
        builtin, name = shipped[group] / file, file.removesuffix(".yaml")
        if "/" in file or "\\" in file or "\x00" in file:
            return None
        local = own.get(name) if group == "profiles" else None
        if builtin.is_file() and local is not None:
            raise BadInput([Problem(str(local), 0, "", f"a profile named {name!r} also ships with Plantroom; give yours another name")])
        if local is not None:
            return y.read_text(local)
        return y.read_text(builtin) if builtin.is_file() else None

    names = (*profile_file.profile_names(), *own)
    shown = {f"profiles/{name}.yaml": str(path) for name, path in own.items()} | dict.fromkeys((CALENDARS, SHEETS), f"{folder}/")
    return Shelf(text_of, {"kinds": kinds_module.kind_names(), "profiles": names}, shown, lambda name: texts_beside(folder, name))


def _beside(folder: Path, name: str) -> Path | None:
    """Raises BadInput where it lies elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\x00" in name:
        said = "lies outside the site file's folder; what a site file names stands beside it, so that they are kept together"
        raise BadInput([Problem(name, 0, "", said)])
    return folder / path if (folder / path).is_file() else None


def recorded(files: Mapping[str, str]) -> Shelf:
    """Only the texts of a config record: an old journal is recomputed with what was true then."""
    names = {group: tuple(path[len(group) + 1 : -5] for path in files if path.startswith(f"{group}/")) for group in ("kinds", "profiles")}
    return Shelf(files.get, names)
