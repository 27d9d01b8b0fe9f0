"""Who may log in: a file of users with hashed passwords and tokens, written by `tastemaker users`."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import bcrypt
from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.feedback import ANONYMOUS
from retrieval.errors import SettingsError

LEAST_PASSWORD_CHARS = 8
MOST_PASSWORD_BYTES = 72
"""bcrypt reads no more."""
MOST_NAME_CHARS = 64
_KEPT = 1000


class Account(BaseModel):
    """A user. password: bcrypt's hash. tokens: SHA-256 of each. owner: may see the owner's page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=MOST_NAME_CHARS)
    password: str
    tokens: tuple[str, ...] = ()
    owner: bool = False


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    users: tuple[Account, ...] = ()


class Accounts:
    """The users of a file, read anew when it changes. Safe to use from many threads."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError when the file is missing, damaged or without a user."""
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, Account] = {}
        self._secret = secrets.token_bytes(32)
        self._nobody = bcrypt.hashpw(b"nobody", bcrypt.gensalt()).decode()
        self._verified: OrderedDict[bytes, str] = OrderedDict()
        if not self._current():
            raise SettingsError(f"{path} has no user yet; make one with: tastemaker users add NAME --auth {path}")

    def get(self, name: str) -> Account | None:
        """The user of this name."""
        return self._current().get(name)

    def by_token(self, token: str) -> Account | None:
        """The user whose token this is."""
        digest = _digest(token)
        return next((user for user in self._current().values() if digest in user.tokens), None)

    def known_password(self, name: str, password: str) -> Account | None:
        """The user, where this password was found right before: costs no hashing."""
        user = self.get(name)
        with self._lock:
            verified = self._verified.get(self._key(name, password))
        return user if user is not None and verified == user.password else None

    def by_password(self, name: str, password: str) -> Account | None:
        """The user, where the password is right. Takes as long for a name that there is not."""
        user = self.get(name)
        hashed = self._nobody if user is None else user.password
        if not _matches(password, hashed) or user is None:
            return None
        with self._lock:
            self._verified[self._key(name, password)] = hashed
            while len(self._verified) > _KEPT:
                self._verified.popitem(last=False)
        return user

    def _key(self, name: str, password: str) -> bytes:
        return hmac.digest(self._secret, f"{name}\0{password}".encode("utf-8", "replace"), "sha256")

    def _current(self) -> dict[str, Account]:
        with self._lock:
            try:
                status = self._path.stat()
            except OSError as error:
                raise SettingsError(
                    f"{self._path} cannot be read ({error.strerror}); "
                    f"make it with: tastemaker users add NAME --auth {self._path}"
                ) from error
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._users = {user.name: user for user in _read(self._path).users}
                self._stamp = stamp
            return self._users


def add_account(path: Path, name: str, password: str, *, owner: bool = False) -> None:
    """Add a user to the file, which is made when there is none. Raises SettingsError for what cannot be one."""
    _check_name(name)
    hashed = _hashed(password)
    with _changing(path, make=True) as users:
        if name in users:
            raise SettingsError(f"{path} has a user {name} already; remove it first, or choose another name")
        users[name] = Account(name=name, password=hashed, owner=owner)


def set_password(path: Path, name: str, password: str) -> None:
    """Give the user another password; logins under the old one end at once, tokens go on.

    Raises SettingsError for an unknown user, and for what cannot be a password.
    """
    hashed = _hashed(password)
    with _changing(path) as users:
        users[name] = _known(users, path, name).model_copy(update={"password": hashed})


def remove_account(path: Path, name: str) -> None:
    """Take a user out of the file: their sessions and tokens end at once. Raises SettingsError for an unknown one."""
    with _changing(path) as users:
        del users[_known(users, path, name).name]


def add_token(path: Path, name: str) -> str:
    """A new token of the user, for programs; only its hash is kept. Raises SettingsError for an unknown user."""
    token = secrets.token_urlsafe(32)
    with _changing(path) as users:
        user = _known(users, path, name)
        users[name] = user.model_copy(update={"tokens": (*user.tokens, _digest(token))})
    return token


def revoke_tokens(path: Path, name: str) -> int:
    """Take all tokens of the user back, at once; how many there were. Raises SettingsError for an unknown user."""
    with _changing(path) as users:
        user = _known(users, path, name)
        users[name] = user.model_copy(update={"tokens": ()})
    return len(user.tokens)


def all_accounts(path: Path) -> tuple[Account, ...]:
    """The users in the file. Raises SettingsError."""
    return _read(path).users


def _known(users: dict[str, Account], path: Path, name: str) -> Account:
    if name not in users:
        raise SettingsError(f"{path} has no user {name!r:.80}; it has {', '.join(users) or 'none'}")
    return users[name]


def _check_name(name: str) -> None:
    """A name ends up in the log, in a header before a colon, and on the page."""
    fits = 0 < len(name) <= MOST_NAME_CHARS and name.isprintable() and name == name.strip()
    if not fits or ":" in name or "/" in name or name == ANONYMOUS:
        raise SettingsError(
            f"{name!r:.80} cannot be a user's name; expected 1 to {MOST_NAME_CHARS} printable characters without "
            f"colons, slashes and outer spaces, and not {ANONYMOUS}"
        )


def _hashed(password: str) -> str:
    encoded = password.encode("utf-8")
    if len(password) < LEAST_PASSWORD_CHARS or len(encoded) > MOST_PASSWORD_BYTES:
        raise SettingsError(
            f"the password has {len(password)} characters; expected {LEAST_PASSWORD_CHARS} or more, in at most "
            f"{MOST_PASSWORD_BYTES} bytes"
        )
    return bcrypt.hashpw(encoded, bcrypt.gensalt()).decode()


def _matches(password: str, hashed: str) -> bool:
    encoded = password.encode("utf-8", "replace")
    return len(encoded) <= MOST_PASSWORD_BYTES and bcrypt.checkpw(encoded, hashed.encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@contextmanager
def _changing(path: Path, *, make: bool = False) -> Iterator[dict[str, Account]]:
    """The users by name; what the block makes of them is written, readable for nobody else."""
    if not path.parent.is_dir():
        raise SettingsError(f"there is no folder {path.parent} for {path.name}; make it, or name another file")
    with FileLock(path.with_name(path.name + ".lock"), timeout=60):
        before = _read(path).users if path.exists() or not make else ()
        users = {user.name: user for user in before}
        yield users
        _write(path, _File(users=tuple(users.values())))


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}); make it with: tastemaker users add NAME --auth {path}"
        ) from error
    except ValidationError as error:  # its text would show hashes
        raise SettingsError(f"{path} is no file of users, or damaged; restore it, or make a new one") from error


def _write(path: Path, content: _File) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".new-{path.name}-")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content.model_dump_json(indent=2) + "\n")
    Path(name).replace(path)
