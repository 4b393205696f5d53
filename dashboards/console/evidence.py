"""Evidence by HTTP: a file comes in and is put to an order or a machine, is listed, and goes out again. docs/evidence.md.

Where the outcome of the command is known the file is there for good already; a file whose command is refused stays without a row, which
`audit verify` counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from dashboards.console import described, shapes
from dashboards.console.asking import Desk, NotFound
from dashboards.console.commanding import Deed, Recorded, command_id_of
from dashboards.console.events import TooMany
from dashboards.console.guard import needs
from dashboards.console.roles import DEEDS, Permission, Person
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow, EvidenceRow
from dashboards.console.uploads import about_of, upload_of
from plantroom.clock import iso
from plantroom.errors import Refused
from plantroom.evidence import KINDS, EvidenceStore, Limits, Stored, is_hash

ROOT = "/api/v1"
ABOUT = ("order", "equipment", "task")
AT_ONCE = 8
PIECE = 256 * 1024
LONGEST_S = 900.0  # for one file: 25 MB at 0.25 Mbit/s
INERT = "sandbox; default-src 'none'"
router = APIRouter(prefix=ROOT)
TROUBLES: dict[int | str, dict[str, Any]] = {
    code: {"model": shapes.TroubleShape} for code in (400, 401, 403, 404, 409, 413, 415, 429, 503, 507)
}
FILE_BODY: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in (*ABOUT, "name", "command_id", "site")
    ],
    "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
}  # fmt: skip


class Arrivals:
    """Files on their way in, a bounded number at once; the store of each site."""

    def __init__(self) -> None:
        self._stores: dict[str, EvidenceStore] = {}
        self._now = 0

    def store(self, view: SiteView) -> EvidenceStore:
        limits = view.config.evidence if view.config else Limits()
        found = self._stores.get(view.id)
        if found is None or found.limits != limits:
            found = self._stores[view.id] = EvidenceStore(view.folder, limits)
        return found

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        if self._now >= AT_ONCE:
            raise TooMany(f"{AT_ONCE} files are on their way already; try again")
        self._now += 1
        try:
            yield
        finally:
            self._now -= 1


async def put(request: Request, person: Person) -> tuple[Stored, CommandRow | Recorded]:
    """The file of a request, stored and put to what its fields name. Raises NotTaken, Refused, NotFound."""
    upload, desk = await upload_of(request), Desk(request, person)
    named = about_of(upload.fields, ABOUT)
    if named is None:
        raise Refused(f"say what the file is about: one of {', '.join(ABOUT)}")
    about, target = named
    view = place_of(desk, about, target)
    command_id = command_id_of(upload.fields.get("command_id"))
    arrivals: Arrivals = request.app.state.arrivals
    async with arrivals.one():
        arrival = await asyncio.to_thread(arrivals.store(view).receive, desk.now_ns, upload.length)
        try:
            waiting = bytearray()
            async with asyncio.timeout(LONGEST_S):
                async for piece in upload.pieces():
                    waiting += piece
                    if len(waiting) >= PIECE:
                        await asyncio.to_thread(arrival.write, bytes(waiting))
                        waiting.clear()
            if waiting:
                await asyncio.to_thread(arrival.write, bytes(waiting))
        except TimeoutError:
            arrival.drop()
            raise Refused(f"the file did not arrive within {LONGEST_S:g} s") from None
        except BaseException:
            arrival.drop()
            raise
        stored = await asyncio.to_thread(arrival.done)
    args = {
        "about": about,
        "hash": stored.hash,
        "kind": stored.kind,
        "bytes": stored.size,
        **({"name": upload.name} if upload.name else {}),
    }
    return stored, await desk.commander(view).send(Deed("attach", target, args), person, command_id)


def place_of(desk: Desk, about: str, target: str) -> SiteView:
    """The site where this person sees what the file is about. Raises NotFound, Ambiguous."""
    if about == "equipment":
        return desk.equipment(target)[0]
    if about == "task":
        return desk.only(lambda view: view.tables.plan_task(target), f"task {target}")[0]
    return desk.only(lambda view: view.tables.order(target), f"order {target}")[0]


@router.post(
    "/evidence", response_model=shapes.StoredShape, responses={**TROUBLES, 202: {"model": shapes.StoredShape}}, openapi_extra=FILE_BODY
)
async def put_evidence(request: Request, person: Annotated[Person, needs(DEEDS["attach"])]) -> Response:
    """A file as the whole body (`?order=` or `?equipment=`, `&name=`), or as `file` of a form behind those fields. Answers its hash."""
    stored, command = await put(request, person)
    said = described.command_shape(command)
    status = {"recorded": 202, "applied": 200, "refused": 409}[said["outcome"]]
    return JSONResponse({"hash": stored.hash, "kind": stored.kind, "bytes": stored.size, "command": said}, status)


@router.get("/evidence", responses=TROUBLES)
def list_evidence(
    request: Request,
    person: Annotated[Person, needs(Permission.PLAN)],
    order: str | None = None,
    equipment: str | None = None,
    task: str | None = None,
) -> shapes.EvidenceList:
    """What was put to an order, to a machine itself or to a task of the plan; oldest first."""
    desk = Desk(request, person)
    named = about_of({"order": order or "", "equipment": equipment or "", "task": task or ""}, ABOUT)
    if named is None:
        raise Refused(f"name one of {', '.join(ABOUT)}")
    view = place_of(desk, *named)
    return {"evidence": [evidence_shape(row) for row in view.tables.evidence(*named)]}


@router.get("/evidence/{hash}", response_class=FileResponse, responses=TROUBLES)
def get_evidence(request: Request, person: Annotated[Person, needs(Permission.PLAN)], hash: str) -> Response:
    """The file, to be saved; nothing in it is ever run or shown as a page of ours."""
    desk = Desk(request, person)
    if not is_hash(hash):
        raise NotFound(f"no evidence {hash[:80]}")
    found = next(((view, row) for view in desk.views if (row := view.tables.evidence_by_hash(hash)) is not None), None)
    arrivals: Arrivals = request.app.state.arrivals
    if found is None or not arrivals.store(found[0]).has(hash):
        raise NotFound(f"no evidence {hash}")
    kind = KINDS[found[1].kind]
    return FileResponse(
        arrivals.store(found[0]).path(hash), media_type=kind.media, filename=file_name(found[1]), headers={"content-security-policy": INERT}
    )


def file_name(row: EvidenceRow) -> str:
    """As the sender called it, but of the type that it is."""
    stem = (row.name or "").rpartition(".")[0] or row.name or row.hash[:16]
    return f"{stem}{KINDS[row.kind].suffix}"


def evidence_shape(row: EvidenceRow) -> shapes.EvidenceShape:
    return {"hash": row.hash, "about": row.about, "target": row.target, "kind": row.kind, "bytes": row.bytes, "name": row.name,
            "who": row.who, "at": iso(row.at_ns)}  # fmt: skip
