"""Webhooks as the two vendors send them: signed, coalesced, and as late, doubled or forged as a test orders."""

import base64
import hashlib
import hmac
import json
import logging
import threading
import uuid

import requests

from .wire import dump

_log = logging.getLogger(__name__)
TIMEOUT_S = 5
FORMATS = {"quickbooks": ("cloudevents", "legacy"), "xero": ("xero",)}
QUICKBOOKS_NAMES = {
    "customer": "Customer",
    "invoice": "Invoice",
    "payment": "Payment",
    "credit": "CreditMemo",
    "journal": "JournalEntry",
    "refund": "RefundReceipt",
}
PAST = {"create": "created", "update": "updated", "delete": "deleted", "void": "voided", "merge": "merged"}
XERO_NAMES = {
    "customer": ("CONTACT", "Contacts"),
    "invoice": ("INVOICE", "Invoices"),
    "credit": ("CREDITNOTE", "CreditNotes"),
    "prepayment": ("PREPAYMENT", "Prepayments"),
    "payment": ("PAYMENT", "Payments"),
}


class Notifier:
    """Sends what happened in the book since the last time to a registered address."""

    def __init__(self, book, vendor):
        self._book = book
        self.vendor = vendor
        self.url = ""
        self.key = "sandbox-webhook-key"
        self.format = FORMATS[vendor][0]
        self.automatic = False
        self._told = len(book.events)
        self._sequence = 0
        self._sending = threading.Lock()

    def register(self, url, key=None, format=None, automatic=False):
        """Send to `url` from now on. `automatic`: after each request and each day, in the background."""
        if format is not None and format not in FORMATS[self.vendor]:
            raise ValueError(
                f"Unknown webhook format {format!r}; choose one of {', '.join(FORMATS[self.vendor])}."
            )
        self.url, self.key = url, key or self.key
        self.format = format or self.format
        self.automatic = automatic
        self._told = len(self._book.events)

    def pending(self):
        """The events not yet told, oldest first."""
        with self._book.lock:
            return [event for event in self._book.events[self._told :] if self._name(event)]

    def lose(self):
        """Forget the pending events, as if every delivery had failed."""
        with self._book.lock:
            self._told = len(self._book.events)

    def flush(self, times=1, backwards=False, forged=False):
        """Deliver the pending events. Returns the HTTP status of each delivery.

        `times` repeats the delivery, `backwards` turns the order round, `forged` signs with a wrong key.
        """
        with self._sending:
            events = self.pending()
            self.lose()
            if not events or not self.url:
                return []
            bodies = self.bodies(list(reversed(events)) if backwards else events)
            return [self._post(body, forged) for _ in range(times) for body in bodies]

    def flush_if_automatic(self):
        """Deliver in the background when so registered; the caller does not wait."""
        if self.automatic and self.url and self._told < len(self._book.events):
            threading.Thread(target=self.flush, daemon=True).start()

    def intent_to_receive(self, requests_count=4):
        """Xero's handshake: empty deliveries, every other one wrongly signed. True when answered as it should be:
        200 or 401 accordingly, an empty body, no cookie."""
        for number in range(requests_count):
            forged = number % 2 == 1
            answer = self._send(self._xero_body([]), forged)
            if (
                answer.status_code != (401 if forged else 200)
                or answer.content
                or answer.headers.get("Set-Cookie")
            ):
                return False
        return True

    def signature(self, body, key=None):
        """base64(HMAC-SHA256(raw body, key)), as both vendors sign."""
        return base64.b64encode(hmac.new((key or self.key).encode(), body, hashlib.sha256).digest()).decode()

    def bodies(self, events):
        """The raw bodies that tell of the events, in the registered format."""
        if self.vendor == "xero":
            return [self._xero_body(events)]
        if self.format == "legacy":
            return [self._legacy_body(events)]
        return [dump([self._cloud_event(event) for event in events])]

    # -- formats ----------------------------------------------------------------------------------------------

    def _name(self, event):
        names = XERO_NAMES if self.vendor == "xero" else QUICKBOOKS_NAMES
        return names.get(event.kind)

    def _cloud_event(self, event):
        name = QUICKBOOKS_NAMES[event.kind].lower()
        past = PAST.get(event.operation, event.operation)
        return {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "intuit.sandbox",
            "type": f"qbo.{name}.{past}.v1",
            "datacontenttype": "application/json",
            "time": event.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "intuitentityid": event.id,
            "intuitaccountid": event.company_id,
            "data": {},
        }

    def _legacy_body(self, events):
        by_realm = {}
        for event in events:
            entity = {
                "name": QUICKBOOKS_NAMES[event.kind],
                "id": event.id,
                "operation": event.operation.capitalize(),
                "lastUpdated": event.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            }
            by_realm.setdefault(event.company_id, []).append(entity)
        notices = [
            {"realmId": realm, "dataChangeEvent": {"entities": entities}}
            for realm, entities in by_realm.items()
        ]
        return dump({"eventNotifications": notices})

    def _xero_body(self, events):
        first = self._sequence + 1 if events else 0
        self._sequence += len(events)
        rows = [self._xero_event(event) for event in events]
        last = self._sequence if events else 0
        entropy = uuid.uuid4().hex[:20].upper()
        payload = {"events": rows, "firstEventSequence": first, "lastEventSequence": last, "entropy": entropy}
        return json.dumps(payload).encode()

    def _xero_event(self, event):
        category, path = XERO_NAMES[event.kind]
        return {
            "resourceUrl": f"https://api.xero.com/api.xro/2.0/{path}/{event.id}",
            "resourceId": event.id,
            "tenantId": event.company_id,
            "tenantType": "ORGANISATION",
            "eventCategory": category,
            "eventType": "CREATE" if event.operation == "create" else "UPDATE",
            "eventDateUtc": event.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
        }

    # -- sending ----------------------------------------------------------------------------------------------

    def _post(self, body, forged):
        try:
            return self._send(body, forged).status_code
        except requests.RequestException as error:
            _log.warning("The webhook receiver at %s did not answer: %s", self.url, type(error).__name__)
            return 0

    def _send(self, body, forged):
        header = "x-xero-signature" if self.vendor == "xero" else "intuit-signature"
        signature = self.signature(body, "a wrong key" if forged else None)
        headers = {"Content-Type": "application/json", header: signature}
        return requests.post(self.url, data=body, headers=headers, timeout=TIMEOUT_S)
