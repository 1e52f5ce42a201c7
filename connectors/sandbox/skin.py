"""What the server asks of a vendor's skin, and the routing both skins share."""

import copy

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from .wire import Refusal


def urls(*rules):
    """The map of a skin's URLS; a trailing slash makes no difference."""
    return Map(rules, strict_slashes=False)


def route(path, endpoint, *methods):
    """A URL of a skin; its handler is the method `on_<endpoint>(request, **path arguments)`."""
    return Rule(path, endpoint=endpoint, methods=methods or ("GET",))


class Skin:
    """A vendor's wire format. Subclasses say where things are and how to put them."""

    PATHS = {}
    DEFAULT_SCOPES = ()
    URLS = urls()
    SECRET_PATHS = ()  # bodies sent here are never logged

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.book = sandbox.book
        self._replays = {}

    def dispatch(self, request):
        """The Reply to a request; raises Refusal or BookError."""
        try:
            endpoint, arguments = self.URLS.bind_to_environ(request.environ).match()
        except HTTPException:
            raise Refusal(self.not_found_reply()) from None
        return getattr(self, f"on_{endpoint}")(request, **arguments)

    def once(self, company, key, work):
        """Do a write once per idempotency key: the same key gets the first successful answer again."""
        if not key:
            return work()
        if (company.id, key) not in self._replays:
            self._replays[company.id, key] = work()
        return copy.deepcopy(
            self._replays[company.id, key]
        )  # a fault may spoil what is sent, not what is kept

    def may_log_body(self, request):
        return request.path not in self.SECRET_PATHS
