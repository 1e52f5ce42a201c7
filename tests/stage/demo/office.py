"""A person at Odoo's web client: logs in and presses buttons, over the same requests the browser sends."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import requests

from tests.stage.errors import StageError

TIMEOUT_S = 300
PAUSE_S = 0.2


class Office:
    """A logged-in session. `call` raises StageError with Odoo's own words when Odoo refuses."""

    def __init__(self, url: str, database: str, login: str, password: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._session = requests.Session()
        answer = self._ask(
            "/web/session/authenticate", {"db": database, "login": login, "password": password}
        )
        self.uid = answer["uid"]
        self._context = answer["user_context"]

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["context"] = {**self._context, **kwargs.get("context", {})}
        path = f"/web/dataset/call_kw/{model}/{method}"
        return self._ask(path, {"model": model, "method": method, "args": list(args), "kwargs": kwargs})

    def read(self, model: str, domain: list, fields: list[str], **kwargs: Any) -> list[dict]:
        return self.call(model, "search_read", domain, fields, **kwargs)

    def groups(
        self, model: str, domain: list, groupby: list[str], aggregates: list[str], **kwargs: Any
    ) -> list[dict]:
        return self.call(
            model, "formatted_read_group", domain, groupby=groupby, aggregates=aggregates, **kwargs
        )

    def visit(self, path: str) -> requests.Response:
        """Open a page as the browser would, redirects and all."""
        return self._session.get(self.url + path, timeout=TIMEOUT_S)

    def wait_for(self, what: str, ready: Callable[[], Any], limit_s: float = 180) -> Any:
        """Return what `ready` gives as soon as it is true."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            found = ready()
            if found:
                return found
            time.sleep(PAUSE_S)
        raise StageError(f"Waited {limit_s:.0f} s for {what}, in vain; Odoo's log may say why.")

    def _ask(self, path: str, params: dict) -> Any:
        body = {"jsonrpc": "2.0", "method": "call", "id": next(self._numbers), "params": params}
        reply = self._session.post(self.url + path, json=body, timeout=TIMEOUT_S)
        reply.raise_for_status()
        answer = reply.json()
        if "error" in answer:
            words = answer["error"]["data"].get("message") or answer["error"]["message"]
            raise StageError(f"Odoo refused {path.removeprefix('/web/dataset/call_kw/')}: {words}")
        return answer.get("result")
