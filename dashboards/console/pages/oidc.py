"""Coming in by the login service: there, back, and out again. docs/console.md, "A login service"."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from dashboards.console.access import Access
from dashboards.console.address import address_of
from dashboards.console.asking import NotFound
from dashboards.console.guard import TooFast, open_to_all
from dashboards.console.oidc import flow as flows
from dashboards.console.oidc.entrants import NoEntry, entrant_of
from dashboards.console.oidc.provider import CodeRefused, Provider, ProviderDown
from dashboards.console.oidc.tokens import WrongToken
from dashboards.console.pace import Buckets, Pace
from dashboards.console.pages.frame import back, local_path, page, secure
from dashboards.console.pages.login import come_in, login_form
from plantroom.clock import NS

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)
CALLBACK = "/oidc/callback"
KEY = "oidc"  # its name in access.db
LONGEST_CODE = 4_000
FROM_ONE = Pace(30.0, 0.5)
FROM_ALL = Pace(200.0, 10.0)  # what we make the provider hear, however many ask


@dataclass(frozen=True, slots=True)
class Oidc:
    provider: Provider
    used: flows.Used = field(default_factory=flows.Used)
    from_one: Buckets = field(default_factory=lambda: Buckets(FROM_ONE))
    from_all: Buckets = field(default_factory=lambda: Buckets(FROM_ALL))


@router.get("/oidc/login", dependencies=[open_to_all()])
async def go(request: Request) -> Response:
    service = _service(request)
    back_to = local_path(request.query_params.get("back", "/"))
    try:
        metadata = await service.provider.metadata()
    except ProviderDown as down:
        return _no(request, "down", str(down), 502, back_to)
    settings, now_s = service.provider.settings, _now_s(request)
    flow = flows.begin(back_to, _origin(request) + CALLBACK, now_s)
    response = RedirectResponse(flows.authorize_url(metadata.authorize, settings.client_id, settings.scopes, flow), 303)
    # Lax: the way back is another site's redirect, with which a strict cookie does not travel.
    response.set_cookie(
        _cookie(request), flows.sealed(flow, _key(request)), max_age=flows.LIFE_S, httponly=True, samesite="lax", secure=secure(request)
    )
    return response


@router.get(CALLBACK, dependencies=[open_to_all()])
async def come_back(request: Request) -> Response:
    response = await _came_back(request)
    response.delete_cookie(_cookie(request), httponly=True, samesite="lax", secure=secure(request))
    return response


async def _came_back(request: Request) -> Response:
    service, given = _service(request), request.query_params
    flow = flows.opened(request.cookies.get(_cookie(request), ""), _key(request), _now_s(request))
    if flow is None or not hmac.compare_digest(flow.state.encode(), given.get("state", "").encode()) or not service.used.take(flow.state):
        return _no(request, "expired", "state", 400)
    provider, access = service.provider, _access(request)
    try:
        metadata = await provider.metadata()
        if given.get("iss", "" if metadata.says_issuer else provider.settings.issuer) != provider.settings.issuer:
            raise WrongToken("answer_issuer")  # RFC 9207: another provider's answer, brought here
        code = given.get("code", "")
        if "error" in given or not 0 < len(code) <= LONGEST_CODE:
            return _no(request, "denied", "error", 401, flow.back)
        entrant = entrant_of(await provider.claims(code, flow), provider.settings)
        token = access.enter(entrant)
    except ProviderDown as down:
        return _no(request, "down", str(down), 502, flow.back)
    except CodeRefused as refused:
        return _no(request, "refused", str(refused), 401, flow.back)
    except WrongToken as wrong:
        return _no(request, "refused", wrong.reason, 401, flow.back)
    except NoEntry as no:
        return _no(request, no.reason, no.reason, 403, flow.back)
    log.info("oidc_login", person=entrant.name, role=entrant.role)
    # A page that goes on by itself: the strict session cookie does not travel with a redirect that another site began.
    return come_in(request, token, flow.back, _on(request, local_path(flow.back)))


@router.get("/oidc/out", dependencies=[open_to_all()])
async def out(request: Request) -> Response:
    """The session here has ended; where the provider has a logout, on to that."""
    service = _service(request)
    try:
        end_session = (await service.provider.metadata()).end_session
    except ProviderDown:
        end_session = None
    if end_session is None:
        return back("/login")
    asked = {"client_id": service.provider.settings.client_id, "post_logout_redirect_uri": f"{_origin(request)}/login"}
    joined = f"{end_session}{'&' if '?' in end_session else '?'}{urlencode(asked)}"
    return _on(request, joined)


def _on(request: Request, where: str) -> Response:
    return page(request, "bounce.html", {"back_to": where, "here": "/login"}, None)


def _no(request: Request, word: str, reason: str, status: int, back_to: str = "/") -> Response:
    """Nobody comes in. reason: for the log; nothing of the provider's own text is shown."""
    log.warning("oidc_refused", word=word, reason=reason, address=address_of(request))
    return login_form(request, (f"oidc.{word}", {}), back_to, status)


def _service(request: Request) -> Oidc:
    """Raises NotFound where there is none, TooFast."""
    service: Oidc | None = request.app.state.oidc
    if service is None:
        raise NotFound("no login service")
    now_ns, address = request.app.state.clock.read().boot_ns, address_of(request)
    wait_s = service.from_one.take(address, now_ns) if address is not None else 0
    if wait_s := wait_s or service.from_all.take("", now_ns):
        raise TooFast(wait_s)
    return service


def _origin(request: Request) -> str:
    """Ours, as the browser knows it: one of the public addresses, else (none is set) the address it asked under, which the shield knows."""
    known: list[str] = [address.rstrip("/") for address in request.app.state.public_urls()]
    host = request.headers.get("host", "").lower()
    if not known:
        return f"{request.url.scheme}://{host}"
    return next((address for address in known if urlsplit(address).netloc.lower() == host), known[0])


def _cookie(request: Request) -> str:
    return "__Host-plantroom_oidc" if secure(request) else "plantroom_oidc"


def _access(request: Request) -> Access:
    found: Access = request.app.state.access
    return found


def _key(request: Request) -> bytes:
    return _access(request).key(KEY)


def _now_s(request: Request) -> int:
    at_ns: int = request.app.state.clock.read().wall_ns
    return at_ns // NS
