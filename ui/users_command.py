"""`tastemaker users`: who may log in to a page that is served with --auth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ui.printing import say

users_app = typer.Typer(no_args_is_help=True, help="Who may log in to a page that is served with --auth FILE.")
_out = Console()

FileOption = Annotated[Path, typer.Option("--auth", help="The file of users that the page is served with.")]
NameArgument = Annotated[str, typer.Argument(help="The user's name; also who they are in the log.")]


@users_app.command()
def add(
    name: NameArgument,
    auth: FileOption,
    owner: Annotated[
        bool, typer.Option("--owner", help="May also see the owner's page and switch adapters.", metavar="")
    ] = False,
) -> None:
    """Add a user; asks for the password, or reads it from a line of standard input."""
    from ui.accounts import add_account

    add_account(auth, name, _password(), owner=owner)
    say(f"{name} may log in{', as an owner' if owner else ''}; a page that runs with {auth} knows it already")


@users_app.command()
def password(name: NameArgument, auth: FileOption) -> None:
    """Give a user another password, asked for as by `add`; open logins of theirs end at once, tokens go on."""
    from ui.accounts import set_password

    set_password(auth, name, _password())
    say(f"{name} has a new password")


@users_app.command()
def token(
    name: NameArgument,
    auth: FileOption,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Make none: take back all that the user has, at once.", metavar="")
    ] = False,
) -> None:
    """Print a new token of the user, for programs that send it as Authorization: Bearer TOKEN. It is shown once."""
    from ui.accounts import add_token, revoke_tokens

    if revoke:
        say(f"{revoke_tokens(auth, name):,} tokens of {name} are taken back")
    else:
        sys.stdout.write(add_token(auth, name) + "\n")


@users_app.command()
def remove(name: NameArgument, auth: FileOption) -> None:
    """Take a user out; open logins and tokens of theirs end at once, what they did stays in the log."""
    from ui.accounts import remove_account

    remove_account(auth, name)
    say(f"{name} may not log in any more")


@users_app.command("list")
def list_users(auth: FileOption) -> None:
    """Print the users."""
    from ui.accounts import all_accounts

    for user in all_accounts(auth):
        tokens = f", {len(user.tokens)} tokens" if user.tokens else ""
        say(f"{user.name}{' (owner)' if user.owner else ''}{tokens}")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
