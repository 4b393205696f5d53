"""What every page shares: its language, its template, what stands in its head and foot, and where a form leads back to."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.console import remaining, shown
from dashboards.console.asking import Desk
from dashboards.console.described import equipment_name, sample_text
from dashboards.console.live import silent
from dashboards.console.roles import DEEDS, Permission, Person
from dashboards.console.rule_texts import title
from dashboards.console.sites import SiteView
from plantroom import words
from plantroom.clock import NS, iso
from plantroom.phone import DEEDS as ENTERED_DEEDS
from plantroom.plain_words import parameter_name

LANGUAGE_COOKIE = "plantroom_lang"
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True, auto_reload=False,
)  # fmt: skip
TEMPLATES.globals.update(
    clock_text=remaining.clock_text, age_text=remaining.age_text, local=shown.local, due_text=shown.due_text,
    unit_text=shown.unit_text, names_of=shown.names_of,
    digits_of=shown.digits_of, value_text=shown.value_text, recorded_text=shown.recorded_text,
    parameter_text=shown.parameter_text, parameter_name=parameter_name, derived_unit=shown.derived_unit, rule_title=title,
    sample_text=sample_text, silent=silent, iso=iso, NS=NS, equipment_name=equipment_name, zip=zip,
)  # fmt: skip
OFFLINE = (
    "waiting", "login", "recorded", "done", "done_receipt", "refused", "calls", "take_back", "dismiss", "of_others", "of_waiting",
    "leaving", "age", "needs_reception",
)  # fmt: skip


@lru_cache(maxsize=8)
def offline_words(lang: str) -> Mapping[str, str]:
    """What static/offline.js says, with its places still to be filled."""
    texts = {key: words.catalogue()[f"offline.{key}"][lang] for key in OFFLINE}
    return texts | {f"deed_{does}": words.say(f"deed.{does}", lang) for does in sorted(ENTERED_DEEDS)}


PUSH = ("on", "off", "denied", "impossible", "install", "unreachable", "refused")


@lru_cache(maxsize=8)
def push_words(lang: str) -> Mapping[str, str]:
    """What static/push.js says."""
    return {key: words.say(f"push.{key}", lang) for key in PUSH}


TEMPLATES.globals.update(offline_words=offline_words, push_words=push_words)
TEMPLATES.filters["named"] = lambda person, names: names.get(person, person)
TEMPLATES.filters["as_json"] = lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def language_of(request: Request) -> str:
    """Asked for, chosen before, or the site's own."""
    views = request.app.state.sites.all()
    default = views[0].language if views else words.language(request.headers.get("accept-language"))
    return words.language(request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE), default)


def page(request: Request, template: str, values: Mapping[str, Any], person: Person | None, status: int = 200) -> HTMLResponse:
    """values: `lang` where it is not the visitor's own choice."""
    lang = values.get("lang") or language_of(request)
    state = request.app.state
    now_ns = state.clock.read().wall_ns
    context = {
        "lang": lang, "t": partial(_say, lang), "has": words.has, "person": person, "now_ns": now_ns, "assets": state.assets,
        "path": request.url.path, "here": here(request), "may": _may(person, values.get("view")), "Permission": Permission,
        "deed_permission": DEEDS,
        "many_sites": len(state.sites.all()) > 1, "new_id": lambda: str(uuid.uuid4()), "url": partial(url, request), "notice": None,
        "site_zone": first_zone(request), "other_lang": "en" if lang == "zh" else "zh",
        **values,
    }  # fmt: skip
    response = HTMLResponse(TEMPLATES.get_template(template).render(context), status)
    if request.query_params.get("lang") in words.LANGUAGES:
        keep_language(request, response, lang)
    return response


def first_zone(request: Request) -> ZoneInfo:
    views = request.app.state.sites.all()
    return views[0].zone if views else ZoneInfo("UTC")


def keep_language(request: Request, response: Response, lang: str) -> None:
    response.set_cookie(LANGUAGE_COOKIE, lang, max_age=400 * 86_400, samesite="lax", httponly=True, secure=secure(request))


def secure(request: Request) -> bool:
    """Whether people reach us by HTTPS: then cookies travel no other way."""
    return any(origin.startswith("https://") for origin in request.app.state.public_urls()) or request.url.scheme == "https"


def url(request: Request, path: str, view: SiteView | None = None, **query: object) -> str:
    """A path of ours; it names the site where there are several."""
    given = {key: value for key, value in query.items() if value is not None}
    if view is not None and len(request.app.state.sites.all()) > 1:
        given = {"site": view.id, **given}
    return f"{path}?{urlencode(given)}" if given else path


def here(request: Request) -> str:
    """This page, to come back to; without what belongs to one visit only."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in ("lang", "command", "part")]
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path


def local_path(text: str) -> str:
    """A path of this service, else the start page: never another site's address."""
    fine = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable() and len(text) < 600
    return text if fine else "/"


def back(path: str, **query: object) -> RedirectResponse:
    joined = f"{path}{'&' if '?' in path else '?'}{urlencode(query)}" if query else path
    return RedirectResponse(joined, 303)


async def notice_of(request: Request, desk: Desk) -> dict[str, Any] | None:
    """What became of the command this visit comes from (`?command=`), for the line at the top of the page."""
    command_id = request.query_params.get("command")
    if not command_id:
        return None
    for view in desk.views:
        command = await desk.command(view, command_id)
        if command is not None:
            return {"command": command, "view": view}
    return None


def _say(lang: str, key: str, /, **values: object) -> str:
    """Text, which the template escapes: so what a macro made, and escaped, is made text again first, or people would read `&amp;`."""
    return words.say(key, lang, **{name: value.unescape() if isinstance(value, Markup) else value for name, value in values.items()})


def _may(person: Person | None, shown: SiteView | None) -> Any:
    """`may(permission)` at the site the page is about, or at one of the person's; `may(permission, view)` at that one."""

    def may(permission: Permission, view: SiteView | None = shown) -> bool:
        return person is not None and person.may(permission, view.id if view is not None else None)

    return may
