"""The gateway inside Odoo: verbs are methods of one `dunning.ledger` recordset (or any object that has them)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import VERBS


class InProcessGateway:
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

    def sync_lease(self, runner, seconds):
        return self._call("sync_lease", runner=runner, seconds=seconds)

    def sync_token(self, lease, rejected):
        return self._call("sync_token", lease=lease, rejected=rejected)

    def sync_calls(self, lease, wanted, day_left):
        return self._call("sync_calls", lease=lease, wanted=wanted, day_left=day_left)

    def sync_ingest(self, lease, records):
        return self._call("sync_ingest", lease=lease, records=records)

    def sync_quarantine(self, lease, bad):
        return self._call("sync_quarantine", lease=lease, bad=bad)

    def sync_checkpoint(self, lease, cursors):
        return self._call("sync_checkpoint", lease=lease, cursors=json.loads(json.dumps(cursors)))

    def sync_known(self, lease, entity, after, limit):
        return self._call("sync_known", lease=lease, entity=entity, after=after, limit=limit)

    def sync_control(self, lease, totals):
        return self._call("sync_control", lease=lease, totals=totals)

    def sync_report(self, lease, outcome, counts, message, resume_at):
        return self._call(
            "sync_report", lease=lease, outcome=outcome, counts=counts, message=message, resume_at=resume_at
        )
