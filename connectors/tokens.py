"""The access token a source works with."""

from __future__ import annotations

from typing import Protocol

from .gateway import Gateway, Lease


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
