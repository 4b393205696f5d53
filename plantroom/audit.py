"""`plantroom audit verify`: has anybody changed what was written? Chain, rows, texts, files, and heads noted outside. docs/evidence.md."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apsw
import typer

from plantroom.anchors import Noted, noted_in
from plantroom.cli import DONE, FAILED, print_json
from plantroom.errors import BadInput, Problem
from plantroom.evidence import EvidenceStore
from plantroom.evidence.store import hash_of
from plantroom.records import Records
from plantroom.records.proof import Finding, Proof, verify_records
from plantroom.records.seal import fetched


@dataclass(frozen=True, slots=True)
class Audit:
    """files: evidence that is there as its hash says; stray: files no row tells of; compared: heads noted outside that were compared."""

    site: str
    proof: Proof
    findings: tuple[Finding, ...]
    files: int
    stray: int
    compared: int

    @property
    def ok(self) -> bool:
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        chain, proof = self.proof.chain, self.proof
        said: dict[str, Any] = {
            "site": self.site, "ok": self.ok, "rows": chain.rows, "head": f"{chain.rows}:{chain.head.hex()}", "sealed": proof.rows,
            "waiting": proof.waiting, "unproven": proof.unproven, "erased": proof.erased, "files": self.files, "stray": self.stray,
            "anchors": self.compared, "findings": [asdict(one) for one in self.findings],
        }  # fmt: skip
        return said if chain.broken is None else {**said, "broken": chain.broken, "why": chain.why}

    def lines(self) -> list[str]:
        proof = self.proof
        head = f"{proof.chain.rows} lines, head {proof.chain.rows}:{proof.chain.head.hex()}"
        counts = f"{proof.rows} rows hold ({proof.waiting} of them wait for the next seal), {proof.unproven} older than the first seal"
        kept = f"{self.files} files hold, {self.stray} that no row tells of, {proof.erased} texts erased, {self.compared} heads compared"
        if self.ok:
            return [f"{self.site}: ok, {head}", f"  {counts}; {kept}"]
        return [f"{self.site}: CHANGED, {head}", *(f"  {one.what} {one.where}: {one.why}" for one in self.findings)]


def verify_chronicles(data: Path, head: str | None, as_json: bool, anchors: Path | None = None, ca: Path | None = None) -> int:
    """Checks every site, prints what is found; returns the exit code. Raises BadInput."""
    found = sorted(data.glob("*/records.db"))
    if not found:
        raise BadInput([Problem(str(data), 0, "--data", "no site has records here yet (DATA/<site>/records.db)")])
    outside = _heads(head)
    if outside and len(found) > 1:
        raise BadInput([Problem("command line", 0, "--head", "belongs to one site; give the folder of an installation with one")])
    audits = []
    for path in found:
        noted = noted_in(anchors, path.parent.name, ca) if anchors is not None else Noted()
        audits.append(audit_site(path.parent, [*outside, *noted.heads], noted.findings))
    for audit in audits:
        if as_json:
            print_json(audit.as_dict())
        else:
            typer.echo("\n".join(audit.lines()))
    return DONE if all(audit.ok for audit in audits) else FAILED


def audit_site(folder: Path, heads: Sequence[tuple[int, bytes]] = (), before: Sequence[Finding] = ()) -> Audit:
    """One site; the service may run meanwhile. before: what was found of the heads themselves."""
    try:
        with closing(Records.open(folder / "records.db", readonly=True)) as records:
            proof = verify_records(records.db, heads)
            rows = {} if proof.findings else dict(fetched(records.db, "SELECT hash, max(bytes) FROM evidence GROUP BY hash"))
    except apsw.Error as error:
        proof, rows = Proof.unreadable(f"{type(error).__name__}: {error}"), {}
    good, files, there = 0, [], EvidenceStore(folder)
    for hash_, size in sorted(rows.items()):
        why = _wrong(there, hash_, size)
        good += why is None
        if why is not None:
            files.append(Finding("file", f"evidence {hash_}", why))
    stray = 0 if proof.findings else sum(hash_ not in rows for hash_ in there.hashes())
    return Audit(folder.name, proof, (*before, *proof.findings, *files), good, stray, len(heads))


def _wrong(store: EvidenceStore, hash_: str, size: int) -> str | None:
    try:
        path = store.path(hash_)
        if not path.is_file():
            return "the file is missing"
        return None if path.stat().st_size == size and hash_of(path) == hash_ else "the file was changed after it was written"
    except (OSError, ValueError) as error:
        return f"the file cannot be read: {error}"


def _heads(head: str | None) -> list[tuple[int, bytes]]:
    if head is None:
        return []
    n, _, digest = head.partition(":")
    try:
        return [(int(n), bytes.fromhex(digest))]
    except ValueError:
        raise BadInput([Problem("command line", 0, "--head", f"{head!r} is not N:HASH as `audit verify` prints it")]) from None
