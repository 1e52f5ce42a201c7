"""Errors named by what to do about them.

    ConnectorError
    ├── Retry          try again after `after_seconds`; above a minute the pass ends and resumes later
    ├── Reconnect      a person has to authorise the connection again
    ├── Stop           a person has to look: nothing was applied that could not be
    │   ├── NotGranted the consent lacks a permission; what needs it is left undone
    │   ├── Refused    the other side understood and said no, in its own words: not worth repeating as it is
    │   └── TooLarge   a document has more bytes than were asked for, a delivery more than are taken: send less
    ├── Conflict       the record was changed meanwhile: read it again, then write
    ├── Gone           the record does not exist at the source
    ├── TokenRejected  ask for another access token and send once more
    ├── Incomplete     the source cannot tell what changed: compare everything
    ├── LeaseLost      another runner works on this connection: leave quietly
    └── BadRecord      this one record cannot be read: quarantine it, go on with its page

What happened (status, vendor code) and what to do are kept apart: each ledger has a table of `Resolution` rows and
`resolve` looks them up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class ConnectorError(Exception):
    """`message` is for people: what failed, why, what to do next. It never holds tokens or payloads."""

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class Retry(ConnectorError):
    def __init__(self, message: str, after_seconds: float = 5.0):
        super().__init__(message)
        self.after_seconds = after_seconds


class Reconnect(ConnectorError):
    pass


class Stop(ConnectorError):
    """`figures`: plain numbers behind the message, for the connection's page."""

    def __init__(self, message: str, figures: dict | None = None):
        super().__init__(message)
        self.figures = figures or {}


class NotGranted(Stop):
    pass


class Refused(Stop):
    pass


class TooLarge(Stop):
    pass


class Conflict(ConnectorError):
    pass


class Gone(ConnectorError):
    pass


class Incomplete(ConnectorError):
    pass


class TokenRejected(ConnectorError):
    pass


class LeaseLost(ConnectorError):
    pass


class BadRecord(ConnectorError):
    """`payload` is the vendor's own JSON, kept for the quarantine list; it is never logged.

    `is_half_read`: its fields contradict each other as in the middle of a change; read once more, it may be whole.
    """

    def __init__(
        self, entity: str, external_id: str, cause: str, payload: object = None, is_half_read: bool = False
    ):
        super().__init__(f"{entity} {external_id or '(no id)'}: {cause}")
        self.entity = entity
        self.external_id = external_id
        self.cause = cause
        self.payload = payload
        self.is_half_read = is_half_read


class Action(Enum):
    RETRY = "retry"
    RATE_LIMITED = "rate limited"
    REFRESH = "refresh the token, then once more"
    RECONNECT = "reconnect"
    STOP = "stop"
    NOT_GRANTED = "a permission is missing"
    REFUSED = "refused by the books"
    CONFLICT = "read again, then write"
    GONE = "gone"
    BUG = "our request is wrong"


_KINDS = {
    Action.REFRESH: TokenRejected,
    Action.RECONNECT: Reconnect,
    Action.NOT_GRANTED: NotGranted,
    Action.REFUSED: Refused,
    Action.CONFLICT: Conflict,
    Action.GONE: Gone,
}


@dataclass(frozen=True)
class Resolution:
    """`means` is plain words for the user, `next_step` what they can do."""

    action: Action
    means: str
    next_step: str = ""

    def error(self, who: str, numbers: Iterable[str], wait_s: float, words: str = "") -> ConnectorError:
        """What to raise: a `Retry` waits `wait_s`; an action without an error of its own is a `Stop`.

        `numbers`: those by which the vendor finds the call, "" left out. `words`: what it said of it itself.
        """
        trace = ", ".join(filter(None, numbers))
        step = f" {self.next_step[:1].upper()}{self.next_step[1:]}." if self.next_step else ""
        message = f"{who}: {self.means} ({trace}).{step} {words}".rstrip()
        if self.action in (Action.RETRY, Action.RATE_LIMITED):
            return Retry(message, wait_s)
        return _KINDS.get(self.action, Stop)(message)


HTTP: dict[int, Resolution] = {
    400: Resolution(Action.BUG, "the request was refused as malformed", "report this as a defect"),
    401: Resolution(Action.REFRESH, "the access token is no longer accepted", "reconnect"),
    403: Resolution(
        Action.STOP,
        "access was refused: a permission is missing",
        "reconnect and grant every permission asked for",
    ),
    404: Resolution(Action.GONE, "the record does not exist there"),
    408: Resolution(Action.RETRY, "the server gave up waiting"),
    409: Resolution(Action.RETRY, "the record was busy"),
    429: Resolution(Action.RATE_LIMITED, "the call limit is reached"),
}
SERVER_FAULT = Resolution(Action.RETRY, "the server has trouble", "wait; it is tried again")
UNEXPECTED = Resolution(Action.STOP, "an unexpected answer", "look at the server's status page")


def resolve(status: int, code: str = "", table: dict[str, Resolution] | None = None) -> Resolution:
    """The vendor's code decides when its table knows it, else the HTTP status. Leading zeros of codes do not count."""
    known = (table or {}).get(code.strip().lstrip("0") or code.strip())
    if known:
        return known
    if status >= 500:
        return SERVER_FAULT
    return HTTP.get(status, UNEXPECTED)
