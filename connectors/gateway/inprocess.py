"""The gateway inside Odoo: verbs are methods of one `dunning.ledger` recordset (or any object that has them)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import VERBS, Carrier


class InProcessGateway(Carrier):
    """`target` has a method per verb. `after_call(verb)` runs after each: Odoo passes its commit there,
    so that a page is durable before the next one is read from the ledger.
    """

    def __init__(self, target: Any, after_call: Callable[[str], Any] | None = None):
        missing = [verb for verb in VERBS if not callable(getattr(target, verb, None))]
        if missing:
            raise TypeError(f"{target!r} lacks the sync verbs {', '.join(missing)}")
        self._target = target
        self._after_call = after_call

    def _call(self, verb: str, **arguments: Any) -> Any:
        answer = getattr(self._target, verb)(**arguments)
        if self._after_call:
            self._after_call(verb)
        return answer

    def sync_checkpoint(self, lease, cursors):
        """The cursors as they are now: what the pass changes in them later is not stored yet."""
        return super().sync_checkpoint(lease, json.loads(json.dumps(cursors)))
