"""The file of users: what is kept of a password, who is found, and that changes count at once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrieval.errors import SettingsError
from ui.accounts import Accounts, add_account, add_token, remove_account, revoke_tokens, set_password
from ui.cli import app
from ui.logins import HOURS, Logins

SECRET = "correct horse"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.json"
    add_account(path, "ann", SECRET, owner=True)
    return path


def test_a_password_is_kept_as_a_hash_in_a_file_of_ones_own(file: Path) -> None:
    assert SECRET not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    accounts = Accounts(file)
    assert accounts.known_password("ann", SECRET) is None
    found = accounts.by_password("ann", SECRET)
    assert found is not None
    assert found.owner
    assert accounts.by_password("ann", "wrong horse") is None
    assert accounts.by_password("ben", SECRET) is None
    assert accounts.known_password("ann", SECRET) == found
    assert accounts.known_password("ann", "wrong horse") is None


def test_a_token_is_shown_once_and_kept_as_a_hash(file: Path) -> None:
    token = add_token(file, "ann")
    assert token not in file.read_text()
    accounts = Accounts(file)
    found = accounts.by_token(token)
    assert found is not None
    assert found.name == "ann"
    assert accounts.by_token(token[:-1]) is None
    assert accounts.by_token("") is None


def test_who_is_removed_is_out_at_once_and_another_of_that_name_is_another(file: Path) -> None:
    add_account(file, "ben", "battery staple")
    accounts, logins = Accounts(file), Logins()
    ben = accounts.by_password("ben", "battery staple")
    assert ben is not None
    secret = logins.begin(ben)
    assert logins.account_of(secret, accounts) == ben
    remove_account(file, "ben")
    assert logins.account_of(secret, accounts) is None
    assert accounts.known_password("ben", "battery staple") is None
    add_account(file, "ben", "another password")
    assert logins.account_of(secret, accounts) is None
    assert accounts.known_password("ben", "battery staple") is None


def test_a_login_ends_after_twelve_hours_and_when_one_leaves(file: Path) -> None:
    now = [0.0]
    accounts, logins = Accounts(file), Logins(lambda: now[0])
    ann = accounts.get("ann")
    assert ann is not None
    first, second = logins.begin(ann), logins.begin(ann)
    logins.end(second)
    assert logins.account_of(second, accounts) is None
    now[0] = HOURS * 3600 - 1
    assert logins.account_of(first, accounts) == ann
    now[0] += 1
    assert logins.account_of(first, accounts) is None


@pytest.mark.parametrize("name", ["", " ann", "a:b", "a/b", "a\nb", "a\u202eb", "x" * 65, "anonymous"])
def test_some_names_cannot_be_had(file: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be a user's name"):
        add_account(file, name, SECRET)


@pytest.mark.parametrize("password", ["short", "x" * 73, "ü" * 37])
def test_some_passwords_cannot_be_had(file: Path, password: str) -> None:
    with pytest.raises(SettingsError, match="in at most 72 bytes"):
        add_account(file, "ben", password)


def test_a_user_is_not_made_twice(file: Path) -> None:
    with pytest.raises(SettingsError, match="has a user ann already"):
        add_account(file, "ann", SECRET)


def test_what_is_wrong_with_a_file_is_said_without_its_hashes(file: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make it with: tastemaker users add NAME"):
        Accounts(tmp_path / "none.json")
    with pytest.raises(SettingsError, match="has no user 'ben'; it has ann"):
        remove_account(file, "ben")
    file.write_text(file.read_text().replace('"owner"', '"boss"'))
    with pytest.raises(SettingsError) as damaged:
        Accounts(file)
    assert "damaged" in str(damaged.value)
    assert "$2b$" not in str(damaged.value)
    remaining = tmp_path / "empty.json"
    add_account(remaining, "ann", SECRET)
    remove_account(remaining, "ann")
    with pytest.raises(SettingsError, match="has no user yet"):
        Accounts(remaining)


def test_users_are_managed_from_the_command_line(tmp_path: Path) -> None:
    path, run = tmp_path / "users.json", CliRunner()
    made = run.invoke(app, ["users", "add", "ann", "--auth", str(path), "--owner"], input=f"{SECRET}\n")
    assert made.exit_code == 0, made.output
    assert SECRET not in made.output
    token = run.invoke(app, ["users", "token", "ann", "--auth", str(path)]).stdout.strip()
    found = Accounts(path).by_token(token)
    assert found is not None
    assert found.owner
    assert run.invoke(app, ["users", "list", "--auth", str(path)]).stdout.strip() == "ann (owner), 1 tokens"
    assert run.invoke(app, ["users", "remove", "ann", "--auth", str(path)]).exit_code == 0
    assert run.invoke(app, ["users", "list", "--auth", str(path)]).stdout == ""


def test_a_lost_token_or_password_is_replaced_from_the_command_line(file: Path) -> None:
    token, run = add_token(file, "ann"), CliRunner()
    add_token(file, "ann")
    accounts, logins = Accounts(file), Logins()
    ann = accounts.by_password("ann", SECRET)
    assert ann is not None
    login = logins.begin(ann)
    revoked = run.invoke(app, ["users", "token", "--revoke", "ann", "--auth", str(file)])
    assert revoked.stdout == "2 tokens of ann are taken back\n"
    assert accounts.by_token(token) is None
    assert logins.account_of(login, accounts) is not None, "a login is no token"
    kept = add_token(file, "ann")
    changed = run.invoke(app, ["users", "password", "ann", "--auth", str(file)], input="a better one\n")
    assert changed.exit_code == 0, changed.output
    assert "a better one" not in changed.output
    assert accounts.by_password("ann", SECRET) is None
    assert accounts.known_password("ann", SECRET) is None
    assert logins.account_of(login, accounts) is None
    assert accounts.by_password("ann", "a better one") is not None
    assert accounts.by_token(kept) is not None


def test_nobody_unknown_gets_a_password_and_no_password_is_too_short(file: Path) -> None:
    with pytest.raises(SettingsError, match="has no user 'ben'"):
        set_password(file, "ben", SECRET)
    with pytest.raises(SettingsError, match="has no user 'ben'"):
        revoke_tokens(file, "ben")
    with pytest.raises(SettingsError, match="in at most 72 bytes"):
        set_password(file, "ann", "short")
