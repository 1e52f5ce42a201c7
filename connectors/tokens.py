"""The access token a source works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .errors import Reconnect, TokenRejected
from .gateway import Gateway, Lease

T = TypeVar("T")


class TokenSource(Protocol):
    """The access token in use, and how to get another when it was rejected."""

    access: str

    def renew(self) -> str: ...


class LeasedTokens:
    """The access token of a lease; `renew` has Odoo refresh it. Never printed."""

    def __init__(self, gateway: Gateway, lease: Lease):
        self._gateway, self._lease = gateway, lease.key
        self.access = lease.access_token

    def renew(self) -> str:
        self.access = self._gateway.sync_token(self._lease, self.access)["access_token"]
        return self.access


def authorised(send: Callable[[], T], renew: Callable[[], Any], who: str) -> T:
    """`send()`, and once more after `renew()` when its token was rejected.

    :raise Reconnect: the fresh token was rejected too.
    """
    try:
        return send()
    except TokenRejected:
        renew()
    try:
        return send()
    except TokenRejected as error:
        raise Reconnect(f"{who}: a fresh access token was refused too. Reconnect.") from error
