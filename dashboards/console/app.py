"""The console as one ASGI application: sites, access and routes put together; every route must name what it needs, or it does not start."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect

from dashboards.console import alarms, api, assets, connections, evidence, kpi, offline, oncall, plan_api
from dashboards.console.access import Access
from dashboards.console.address import address_of
from dashboards.console.alert_texts import AlertTexts
from dashboards.console.asking import Ambiguous, NotFound
from dashboards.console.callbacks import routes as callbacks
from dashboards.console.commanding import NotRecorded
from dashboards.console.events import Hub, TooMany
from dashboards.console.forms import BadBody
from dashboards.console.guard import Forbidden, NotLoggedIn, TooFast, needs, open_to_all, person_of, unguarded
from dashboards.console.oidc.provider import Provider
from dashboards.console.oidc.settings import Settings
from dashboards.console.pace import ACCOUNT, ADDRESS, Buckets
from dashboards.console.pages import alarms as alarm_pages
from dashboards.console.pages import (
    answer,
    deeds,
    duty_room,
    equipment,
    factor,
    faults,
    health,
    labels,
    ledger,
    now,
    oidc,
    orders,
    pin,
    plan,
    push,
    texts,
)
from dashboards.console.pages import evidence as evidence_pages
from dashboards.console.pages import kpi as kpi_pages
from dashboards.console.pages import login as login_pages
from dashboards.console.pages import oncall as oncall_pages
from dashboards.console.pages.frame import here, language_of, page
from dashboards.console.pages.oidc import Oidc
from dashboards.console.roles import Permission
from dashboards.console.shield import HEADERS, Shield
from dashboards.console.sites import SiteOf, Sites
from dashboards.console.uploads import MOST_FORM, PATHS
from dashboards.console.why import Plots
from plantroom.clock import Clock
from plantroom.errors import Refused
from plantroom.evidence import Limits, NotTaken
from plantroom.push import Browsers
from plantroom.screens import Screens
from plantroom.tickets import Tickets
from plantroom.words import LANGUAGES, say

TITLE = "Plantroom"
FORBIDDEN = {
    "not_permitted": "Your role does not allow this.", "not_a_screen": "This browser is no screen of a duty room.",
    "second_factor": "Administrators need a second factor here; set it up on your account's page.",
}  # fmt: skip


def create_app(
    data: Path, clock: Clock, site_of: SiteOf, *, public_url: str | None = None, demanding: bool = False, login: Settings | None = None
) -> FastAPI:
    """data: the installation's folder. site_of: reads a site from its journal. demanding: administrators need a second factor. login: by
    a service, too. Raises RuntimeError for a route without a permission."""
    app = FastAPI(title=TITLE, version="1", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    sites = Sites(data, clock, site_of)
    app.state.data = data
    app.state.clock, app.state.sites, app.state.access = clock, sites, Access(data / "access.db", clock, demanding)
    app.state.tickets, app.state.browsers = Tickets(data / "access.db"), Browsers(data / "access.db")
    app.state.oidc = Oidc(Provider(login, clock)) if login is not None else None
    app.state.screens, app.state.callbacks = Screens(data / "access.db"), callbacks.Seen()
    app.state.arrivals = evidence.Arrivals()
    app.state.plots, app.state.alert_texts = Plots(sites), AlertTexts()
    app.state.hub, app.state.commanders, app.state.assets = Hub(sites, clock), {}, assets.Assets()

    def public_urls() -> list[str]:
        found = [view.config.web.public_url for view in sites.all() if view.config]
        return [address for address in (public_url, *found) if address]

    def hosts() -> frozenset[str]:
        return frozenset((urlsplit(address).hostname or "").lower() for address in public_urls())

    app.state.public_urls = public_urls
    app.state.origins = lambda: [urlsplit(address).netloc.lower() for address in public_urls()]
    pages = (
        login_pages, oidc, factor, pin, answer, now, faults, orders, deeds, equipment, oncall_pages, duty_room, labels, health, alarm_pages,
        texts, push, evidence_pages, kpi_pages, ledger, plan,
    )  # fmt: skip
    for routes in (api, plan_api, evidence, connections, oncall, alarms, kpi, offline, assets, callbacks, *pages):
        app.router.routes.extend(routes.router.routes)  # as they are: an included router would hide them from `unguarded`
    app.add_api_route("/healthz", api.healthz, dependencies=[open_to_all()], include_in_schema=False)
    app.add_api_route("/api/openapi.json", _openapi, dependencies=[needs(Permission.SEE)], include_in_schema=False)
    _answers(app)
    missing = unguarded(app.routes)
    if missing:
        raise RuntimeError(f"routes without exactly one permission: {', '.join(missing)}; give each `needs(...)`")
    # A session's cookie is SameSite=Strict: no other site can have pages of ours made and weighed, so that they may be packed.
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    app.state.addresses, app.state.accounts = Buckets(ADDRESS), Buckets(ACCOUNT)

    def too_fast(request: Request) -> int:
        address = address_of(request)
        return 0 if address is None else app.state.addresses.take(address, clock.read().boot_ns)

    def tls() -> bool:
        return any(address.startswith("https://") for address in public_urls())

    def most_upload() -> int:
        return max([Limits().most, *(view.config.evidence.most for view in sites.all() if view.config)])

    app.state.most_upload = most_upload

    def most(path: str) -> int | None:
        return most_upload() + MOST_FORM if path in PATHS else None

    app.add_middleware(Shield, hosts=hosts, tls=tls, too_fast=too_fast, most=most)
    return app


async def background(app: FastAPI) -> None:
    """What the pages live from: every site followed, every change told. For ever; put it beside the server: its death ends the process."""
    sites: Sites = app.state.sites
    try:
        async with asyncio.TaskGroup() as group:
            sites.follow_new(group)
            group.create_task(sites.run(group), name="sites")
            group.create_task(app.state.hub.run(), name="events")
    finally:
        app.state.hub.end_all()


def close(app: FastAPI) -> None:
    """Connections and writers; after `background` has ended."""
    for commander in app.state.commanders.values():
        commander.close()
    app.state.plots.close()
    app.state.sites.close()
    app.state.access.close()
    app.state.tickets.close()
    app.state.browsers.close()
    app.state.screens.close()


def _openapi(request: Request) -> JSONResponse:
    app: FastAPI = request.app
    document = get_openapi(title=TITLE, version=app.version, routes=app.routes, description="Instants are ISO 8601 UTC, lengths seconds.")
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"bearer": []}]
    return JSONResponse(document)


def _answers(app: FastAPI) -> None:
    """Every trouble as JSON for programs and as a page for people."""

    def trouble(status: int, reason: str, text: str = "") -> object:
        async def answer(request: Request, error: Exception) -> Response:
            return _say(request, status, reason, text or str(error))

        return answer

    async def not_logged_in(request: Request, error: Exception) -> Response:
        if _for_programs(request):
            return JSONResponse({"reason": "not_logged_in", "text": "Log in, or send a bearer token."}, 401, {"www-authenticate": "Bearer"})
        if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
            return page(request, "bounce.html", {"back_to": here(request)}, None)  # a link from outside; our own brings the strict cookie
        return RedirectResponse(f"/login?back={quote(here(request), safe='/?=')}" if request.method == "GET" else "/login", 303)

    async def forbidden(request: Request, error: Exception) -> Response:
        assert isinstance(error, Forbidden)
        if error.reason == "not_permitted" and request.url.path == "/" and request.method == "GET":
            return RedirectResponse("/account", 303)  # who sees nothing of the plant has a page of their own
        if error.reason == "second_factor" and request.method == "GET" and not _for_programs(request):
            return RedirectResponse("/account/second-factor", 303)
        text = FORBIDDEN.get(error.reason, "Not sent by our own page.")
        return _say(request, 403, error.reason, text)

    async def broken(request: Request, error: Exception) -> Response:
        answer = _say(request, 500, "internal", "Something went wrong here; it is in the log.")
        for name, value in HEADERS.items():  # this answer is made outside the shield
            answer.headers[name.decode()] = value.decode()
        return answer

    async def ambiguous(request: Request, error: Exception) -> Response:
        return _say(request, 409, "ambiguous", f"This id stands in several sites ({error}); add ?site=")

    async def too_fast(request: Request, error: Exception) -> Response:
        assert isinstance(error, TooFast)
        answer = _say(request, 429, "too_fast", "Too many requests from this account.")
        answer.headers["retry-after"] = str(error.wait_s)
        return answer

    async def too_many(request: Request, error: Exception) -> Response:
        answer = _say(request, 503, "too_many_clients", str(error))
        answer.headers["retry-after"] = "30"
        return answer

    async def not_taken(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotTaken)
        status = {"too_large": 413, "too_large_unpacked": 413, "quota": 507, "disk": 507, "empty": 400}.get(error.code, 415)
        says = {lang: say(f"evidence.refused.{error.code}", lang) for lang in LANGUAGES}
        reason = f"evidence_{error.code}"
        if _for_programs(request):
            answer: Response = JSONResponse({"reason": reason, "text": says["en"], "says": says}, status)
        else:
            answer = _say(request, status, reason, says[language_of(request)])
        answer.headers["connection"] = "close"  # the rest of the body is not wanted
        return answer

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reason = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http")
        return _say(request, error.status_code, reason, str(error.detail))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        text = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        return _say(request, 400, "bad_request", text)

    handlers = {
        NotLoggedIn: not_logged_in, Forbidden: forbidden, NotFound: trouble(404, "not_found"), Ambiguous: ambiguous,
        BadBody: trouble(400, "bad_body"), Refused: trouble(400, "bad_request"), HTTPException: http, RequestValidationError: invalid,
        NotTaken: not_taken, NotRecorded: trouble(503, "not_recorded"), TooMany: too_many, TooFast: too_fast,
        ClientDisconnect: trouble(400, "cut_off", "The body was cut off."),
        Exception: broken,
    }  # fmt: skip
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]


def _say(request: Request, status: int, reason: str, text: str) -> Response:
    if _for_programs(request):
        return JSONResponse({"reason": reason, "text": text}, status)
    person = person_of(request, request.app.state.access)
    return page(request, "trouble.html", {"status": status, "reason": reason, "text": text}, person, status)


def _for_programs(request: Request) -> bool:
    return request.url.path.startswith("/api/") or request.url.path == "/healthz"
