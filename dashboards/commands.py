"""The `user` and the `dashboards` commands."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dashboards.console import passwords
from dashboards.console.access import Access, Account
from dashboards.console.roles import Role
from dashboards.grafana import grafana_commands
from dashboards.report import report_commands
from plantroom.cli import print_json
from plantroom.clock import SystemClock, iso
from plantroom.errors import BadInput, Problem, Refused

Data = Annotated[Path, typer.Option("--data", help="folder of the installation")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
Typed = Annotated[bool, typer.Option("--password-from-stdin", help="read the password from stdin instead of making one")]


def register(app: typer.Typer) -> None:
    app.add_typer(user_commands(), name="user")
    grafana_commands.register(app)
    report_commands.register(app)


def user_commands() -> typer.Typer:
    user = typer.Typer(no_args_is_help=True, help="People who may use the console and the API.")

    @user.command("add")
    def add(
        name: Name,
        data: Data,
        role: Annotated[Role, typer.Option(help="what they may do")] = Role.TECHNICIAN,
        site: Annotated[list[str] | None, typer.Option("--site", help="hq, or hq:viewer = another role there; repeat it")] = None,
        from_stdin: Typed = False,
        as_json: Json = False,
    ) -> None:
        """Adds a person and prints their first password once."""
        password = typed(from_stdin) or passwords.new_password()
        with opened(data, name) as access:
            access.add(name, role, password, site or None)
        tell({"user": name, "role": role.value, "password": None if from_stdin else password}, as_json)

    @user.command("reset")
    def reset(name: Name, data: Data, from_stdin: Typed = False, as_json: Json = False) -> None:
        """A new password, printed once; ends every session of this person and takes their second factor away."""
        password = typed(from_stdin) or passwords.new_password()
        with opened(data, name) as access:
            access.reset(name, password)
        tell({"user": name, "password": None if from_stdin else password}, as_json)

    @user.command("remove")
    def remove(name: Name, data: Data) -> None:
        """Takes a person's access away, sessions and tokens at once."""
        with opened(data, name) as access:
            access.remove(name)

    @user.command("logout")
    def logout(name: Name, data: Data, as_json: Json = False) -> None:
        """Ends every session and every bearer token of this person at once; the password stays."""
        with opened(data, name) as access:
            ended = access.log_out_everywhere(name, tokens=True)
        tell({"user": name, "ended": str(ended)}, as_json)

    @user.command("list")
    def list_(data: Data, as_json: Json = False) -> None:
        """Who may come in."""
        with opened(data, "") as access:
            accounts = access.accounts()
        if as_json:
            print_json([shown(account) for account in accounts])
            return
        for account in accounts:
            sites = "all sites" if account.sites is None else ", ".join(_at(account, site) for site in sorted(account.sites))
            typer.echo(f"{account.name:<24} {account.role.value:<12} {sites:<30} since {iso(account.created_ns)[:10]}")

    @user.command("token")
    def token(
        name: Name,
        data: Data,
        label: Annotated[str, typer.Option(help="what it is for")] = "",
        days: Annotated[int, typer.Option(min=1, max=3650, help="valid for")] = 365,
        revoke: Annotated[str | None, typer.Option(help="end the token of this id instead")] = None,
        as_json: Json = False,
    ) -> None:
        """A bearer token for another program, with this person's role and sites; printed once."""
        with opened(data, name) as access:
            if revoke is not None:
                if not access.revoke_token(revoke):
                    raise Refused(f"no token {revoke}")
                return
            token_id, secret = access.new_token(name, label, days)
        tell({"user": name, "id": token_id, "token": secret}, as_json)

    @user.command("oidc")
    def oidc(data: Data) -> None:
        """Reads DATA/oidc.yaml, asks the login service for its discovery document and keys, and says what was found."""
        from dashboards.console.oidc.provider import (  # with the libraries of its cryptography: no other command wants them
            Provider,
            ProviderDown,
        )
        from dashboards.console.oidc.settings import FILE, load_settings

        settings = load_settings(data / FILE)
        try:
            metadata, keys = asyncio.run(Provider(settings, SystemClock()).found())
        except ProviderDown as down:
            raise BadInput([Problem(str(data / FILE), 0, "oidc.issuer", str(down))]) from down
        typer.echo(f"{settings.issuer}: {len(keys)} keys; log out there: {'yes' if metadata.end_session else 'no'}")
        for given in settings.roles:
            typer.echo(f"{given.group}: {given.role.value}, {'all sites' if given.sites is None else ', '.join(given.sites)}")

    return user


@contextmanager
def opened(data: Path, name: str) -> Iterator[Access]:
    """access.db of an installation. What it refuses is bad input of this command line."""
    if not data.is_dir():
        raise BadInput([Problem("command line", 0, "--data", f"{data} is no folder; name the one that `plantroom run --data` uses")])
    access = Access(data / "access.db", SystemClock())
    try:
        yield access
    except Refused as refused:
        raise BadInput([Problem("command line", 0, name, str(refused))]) from refused
    finally:
        access.close()


def typed(from_stdin: bool) -> str | None:
    if not from_stdin:
        return None
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def tell(values: dict[str, str | None], as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        typer.echo("  ".join(f"{key}: {value}" for key, value in values.items() if value is not None))


def shown(account: Account) -> dict[str, object]:
    sites = None if account.sites is None else [_at(account, site) for site in sorted(account.sites)]
    return {"user": account.name, "role": account.role.value, "sites": sites, "created_at": iso(account.created_ns)}


def _at(account: Account, site: str) -> str:
    return f"{site}:{account.there[site]}" if site in account.there else site
