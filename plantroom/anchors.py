"""Heads of a chronicle as they are noted outside: the line of a folder's file, the time stamp beside it, read again by `audit verify
--anchors`.

A folder holds `<site>.anchors`, a line a day or oftener, only ever added to: `2026-12-01T02:30:00Z N:HASH`. A mail has the same line. A
time stamp lies in `<site>.<N>.tsr`: a token of RFC 3161 over that line's `N:HASH`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plantroom.clock import iso
from plantroom.errors import BadInput, Problem
from plantroom.records.proof import Finding

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

_LINE = re.compile(r"(\S+) (\d{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Noted:
    """heads: (n, hash). findings: lines and stamps that do not hold themselves."""

    heads: Sequence[tuple[int, bytes]] = ()
    findings: Sequence[Finding] = ()


def head_text(n: int, value: bytes) -> str:
    return f"{n}:{value.hex()}"


def line_of(at_ns: int, head: str) -> str:
    return f"{iso(at_ns)} {head}"


def add_line(folder: Path, site: str, line: str) -> None:
    """Behind what stands there, durable when this returns. Raises OSError: the folder must be there, a mount that is away is no folder."""
    path = folder / f"{site}.anchors"
    new = not path.exists()
    with path.open("ab") as file:
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def keep_stamp(folder: Path, site: str, head: str, token: bytes) -> Path:
    """Beside the records, or in the folder outside where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{site}.{head.partition(':')[0]}.tsr"
    with path.open("wb") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    return path


def request_for(head: str) -> tuple[bytes, int | None]:
    """What a server is asked, as DER, and the nonce its answer must carry."""
    from rfc3161_client import TimestampRequestBuilder  # here: few sites ask for stamps, every `notify` loads this module
    from rfc3161_client.base import HashAlgorithm

    asked = TimestampRequestBuilder().data(head.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    return asked.as_bytes(), asked.nonce


def proven(token: bytes, head: str, roots: bytes, nonce: int | None = None) -> TimeStampResponse:
    """A server's answer, once it is shown to be over this head and signed by one of these roots (PEM). Raises ValueError."""
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        answer = decode_timestamp_response(token)
        if answer.status > 1:
            raise ValueError(f"the server refused: status {answer.status} {', '.join(answer.status_string)}")
        builder = VerifierBuilder()
        for root in x509.load_pem_x509_certificates(roots):
            builder = builder.add_root_certificate(root)
        if nonce is not None:
            builder = builder.nonce(nonce)
        builder.build().verify_message(answer, head.encode())
    except VerificationError as error:
        raise ValueError(f"the stamp does not hold: {error}") from None
    return answer


def noted_in(folder: Path, site: str, ca: Path | None) -> Noted:
    """What a folder has noted of a site. ca: PEM, who vouches for the stamps in it; without it they are not believed and said to be
    unproven.

    Raises BadInput where nothing is noted there at all.
    """
    path, heads, findings = folder / f"{site}.anchors", list[tuple[int, bytes]](), list[Finding]()
    stamps = sorted(folder.glob(f"{site}.*.tsr")) if folder.is_dir() else []
    if not path.is_file() and not stamps:
        raise BadInput([Problem(str(folder), 0, "--anchors", f"holds no {site}.anchors and no {site}.N.tsr")])
    at = ""
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines() if path.is_file() else (), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            findings.append(Finding("anchor", f"{path.name}:{number}", "is no line of ours"))
            continue
        if match[1] < at or (heads and int(match[2]) < heads[-1][0]):
            findings.append(Finding("anchor", f"{path.name}:{number}", "is older than the line before it"))
        at = match[1]
        heads.append((int(match[2]), bytes.fromhex(match[3])))
    known = dict(heads)
    for stamp in stamps:
        n = stamp.name.removeprefix(f"{site}.").partition(".")[0]
        value = known.get(int(n)) if n.isdigit() else None
        if value is None:
            findings.append(Finding("anchor", stamp.name, f"no line of {path.name} says which head it is over"))
        elif ca is None:
            findings.append(Finding("anchor", stamp.name, "not proven: name --ca, the PEM file of who vouches for the server"))
        else:
            try:
                proven(stamp.read_bytes(), head_text(int(n), value), ca.read_bytes())
            except (ValueError, OSError) as error:
                findings.append(Finding("anchor", stamp.name, str(error)))
    return Noted(heads, findings)
