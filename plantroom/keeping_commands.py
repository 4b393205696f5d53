"""`audit purge` and `privacy export|erase`: what may leave the records, and how. docs/evidence.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plantroom import privacy
from plantroom.asked import ask, site_folder
from plantroom.cli import DONE, print_json
from plantroom.evidence import EvidenceStore
from plantroom.records import Records

Data = Annotated[Path, typer.Option("--data", help="folder of the installation, in which `plantroom run` works")]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="a person's id")]
Reason = Annotated[str, typer.Option("--reason", help="kept in the record")]
Seconds = Annotated[float, typer.Option("--seconds", min=1, help="how long to wait for the engine")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


def register_purge(audit: typer.Typer) -> None:
    @audit.command()
    def purge(
        data: Data,
        before: Annotated[str, typer.Option("--before", help="a day or an instant, at least five years ago: 2021-01-01")],
        reason: Reason,
        site: Annotated[str | None, typer.Option("--site", help="where there are several")] = None,
        seconds: Seconds = 120.0,
        as_json: Json = False,
    ) -> None:
        """Deletes chronicle, texts and evidence older than that, at least five years, and records that it did; the chain still verifies."""
        raise typer.Exit(run_purge(data, before, reason, site, seconds, as_json))


def register_privacy(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="What is known of a person, and its erasure.")
    app.add_typer(group, name="privacy")

    @group.command("export")
    def export_(person: Person, data: Data) -> None:
        """Everything about a person as JSON."""
        print_json(privacy.export(data, person))

    @group.command("erase")
    def erase_(person: Person, data: Data, reason: Reason, seconds: Seconds = 60.0, as_json: Json = False) -> None:
        """Erases a person's words and name in every site and their account; ids and the chain stay."""
        raise typer.Exit(run_erase(person, data, reason, seconds, as_json))


def run_purge(data: Path, before: str, reason: str, site: str | None, seconds: float, as_json: bool) -> int:
    """Raises BadInput where the engine refuses."""
    folder = site_folder(data, site)
    instant = before if "T" in before else f"{before}T00:00:00+00:00"
    state = ask(folder, "purge", "", {"before": instant, "reason": reason}, seconds)
    store, removed = EvidenceStore(folder), 0
    records = Records.open(folder / "records.db", readonly=True)
    try:
        for hash_ in state["evidence"]:
            if store.has(hash_) and not records.db.execute("SELECT 1 FROM evidence WHERE hash = ?", (hash_,)).get:
                store.path(hash_).unlink()
                removed += 1
    finally:
        records.close()
    said = {"site": folder.name, "lines_upto": state["lines"], "texts": state["texts"], "files": removed}
    if as_json:
        print_json(said)
    else:
        typer.echo(f"{folder.name}: purged the chronicle up to line {state['lines']}, {state['texts']} texts, {removed} files")
    return DONE


def run_erase(person: str, data: Path, reason: str, seconds: float, as_json: bool) -> int:
    """Raises BadInput where they still stand in a site file, are unknown everywhere, or are the last administrator."""
    known = privacy.export(data, person)
    sites = {site: ask(data / site, "erase", person, {"reason": reason}, seconds)["erased"] for site in known["sites"]}
    gone = privacy.erase_access(data, person)
    if as_json:
        print_json({"person": person, "texts": sites, "access": gone})
    else:
        told = ", ".join(f"{site}: {count} texts" for site, count in sites.items()) or "no site's records"
        typer.echo(
            f"{person}: erased in {told}; of the account {sum(gone.values())} rows. "
            "Ids stay; the journal and snapshots lose theirs within 30 days"
        )
    return DONE
