"""Open logins of browsers, kept in memory: a restart of the page asks everybody to log in again."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.accounts import Account, Accounts

HOURS = 12
_KEPT = 10_000


class Logins:
    """Who is logged in by which secret, for twelve hours. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that only grow."""
        self._clock = clock
        self._lock = threading.Lock()
        self._logins: OrderedDict[str, tuple[str, str, float]] = OrderedDict()

    def begin(self, account: Account) -> str:
        """A new secret of this user."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._logins[_digest(secret)] = (account.name, account.password, self._clock() + HOURS * 3600)
            while len(self._logins) > _KEPT:
                self._logins.popitem(last=False)
        return secret

    def account_of(self, secret: str, accounts: Accounts) -> Account | None:
        """Whose secret this is; None for one that is unknown, over, or of a user who was removed since."""
        with self._lock:
            name, password, until = self._logins.get(_digest(secret), ("", "", 0.0))
        account = accounts.get(name)
        lasts = account is not None and account.password == password and self._clock() < until
        return account if lasts else None

    def end(self, secret: str) -> None:
        """Forget the secret."""
        with self._lock:
            self._logins.pop(_digest(secret), None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
