"""The control API under `/_sandbox/`: JSON, no authentication, never struck by faults. Loopback only, by intent.

GET  state · customers · invoices · requests · faults · webhooks/pending
POST advance_day {days} · faults {kind, match, count, skip, chance, …} · faults/clear · requests/clear
POST webhooks {url, key, format, automatic} · webhooks/flush {times, backwards, forged} · webhooks/lose
POST webhooks/intent
POST tokens/expire · tokens/withdraw · tokens/grant {company, scopes} · consent {mode, company_ids}
POST clock {seconds} · wall {seconds} · limits {per_minute, per_day, app_per_minute, concurrent} · reset {seed, today}
POST change {company, what, id, …}: pay, void, delete, edit, archive, merge (into), deallocate
"""

from collections import Counter
from datetime import date
from decimal import Decimal, InvalidOperation

from . import currencies
from .book import BookError
from .limits import Limits
from .wire import Reply, load


class ControlError(Exception):
    """A control request that cannot be done; the message says why."""


class Control:
    """Answers control requests for one sandbox."""

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def dispatch(self, request):
        verb = request.path.removeprefix("/_sandbox").strip("/").replace("/", "_").replace("-", "_")
        handler = getattr(self, f"{request.method.lower()}_{verb}", None)
        if handler is None:
            return Reply({"error": f"Unknown control verb {request.method} {verb}."}, 404)
        try:
            asked = request.args.to_dict() if request.method == "GET" else load(request.get_data()) or {}
            return Reply(handler(asked))
        except (ControlError, BookError, ValueError, TypeError, KeyError, InvalidOperation) as error:
            return Reply({"error": str(error) or type(error).__name__}, 400)

    # -- looking ----------------------------------------------------------------------------------------------

    def get_state(self, asked):
        """Counts and the own books of every company: true balances per customer and currency."""
        sandbox = self.sandbox
        with sandbox.book.lock:
            companies = [self._company_state(company) for company in sandbox.companies]
            return {
                "vendor": sandbox.vendor,
                "seed": sandbox.seed,
                "now": sandbox.book.clock.peek().isoformat(),
                "today": sandbox.company.today().isoformat(),
                "urls": sandbox.urls,
                "companies": companies,
                "refreshes": sandbox.oauth.refresh_count,
                "requests": len(sandbox.requests),
            }

    def _company_state(self, company):
        totals = Counter()
        books = self.sandbox.truth(company)
        for by_currency in books.values():
            for currency, total in by_currency.items():
                totals[currency] += total["balance"]
        return {
            "id": company.id,
            "name": company.name,
            "demo": company.demo,
            "home_currency": company.home_currency,
            "counts": {
                "customers": len(company.customers),
                "invoices": len(company.invoices),
                "open_invoices": len(company.open_invoices()),
                "payments": len(company.payments()),
                "credits": len(company.credits()),
                "journals": len(company.journals),
            },
            "balance": {currency: _text(amount, currency) for currency, amount in sorted(totals.items())},
            "customers": {
                customer_id: {
                    currency: {name: _text(amount, currency) for name, amount in total.items()}
                    for currency, total in by_currency.items()
                }
                for customer_id, by_currency in books.items()
            },
        }

    def get_customers(self, asked):
        with self.sandbox.book.lock:
            return [
                {
                    "id": customer.id,
                    "name": customer.name,
                    "email": customer.email,
                    "country": customer.country,
                    "language": customer.language,
                    "currency": customer.currency,
                    "parent_id": customer.parent_id,
                    "bills_with_parent": customer.bills_with_parent,
                    "active": customer.active,
                    "merged_into_id": customer.merged_into_id,
                }
                for customer in self._company(asked).customers.values()
            ]

    def get_invoices(self, asked):
        """All sales invoices; `open=true` for those with something left to pay, `customer` for one customer's."""
        with self.sandbox.book.lock:
            return [
                {
                    "id": invoice.id,
                    "number": invoice.number,
                    "customer_id": invoice.customer_id,
                    "issue_date": invoice.issue_date.isoformat(),
                    "due_date": invoice.due_date.isoformat() if invoice.due_date else None,
                    "currency": invoice.currency,
                    "total": _text(invoice.total, invoice.currency),
                    "open": _text(invoice.open, invoice.currency),
                    "status": invoice.status,
                }
                for invoice in self._company(asked).invoices.values()
                if not invoice.purchase
                and (asked.get("open") != "true" or invoice.open)
                and asked.get("customer") in (None, invoice.customer_id)
            ]

    def get_requests(self, asked):
        """The log, newest last, and counts; `containing` filters."""
        entries = [
            entry
            for entry in list(self.sandbox.requests)
            if asked.get("containing", "")
            in f"{entry['method']} {entry['path']}?{entry['query']} {entry['body']}"
        ]
        counts = Counter(f"{entry['method']} {entry['path']}" for entry in entries)
        statuses = Counter(str(entry["status"]) for entry in entries)
        return {"count": len(entries), "by_path": counts, "by_status": statuses, "entries": entries}

    def get_faults(self, asked):
        return [order.describe() for order in self.sandbox.faults.orders]

    def get_webhooks_pending(self, asked):
        return [
            {"company": event.company_id, "kind": event.kind, "id": event.id, "operation": event.operation}
            for event in self.sandbox.webhooks.pending()
        ]

    # -- ordering ---------------------------------------------------------------------------------------------

    def post_advance_day(self, asked):
        return self.sandbox.advance_day(int(asked.get("days", 1)))

    def post_faults(self, asked):
        return self.sandbox.faults.order(**asked).describe()

    def post_faults_clear(self, asked):
        self.sandbox.faults.clear()
        return {}

    def post_requests_clear(self, asked):
        self.sandbox.requests.clear()
        return {}

    def post_webhooks(self, asked):
        self.sandbox.webhooks.register(**asked)
        return {}

    def post_webhooks_flush(self, asked):
        return {"statuses": self.sandbox.webhooks.flush(**asked)}

    def post_webhooks_lose(self, asked):
        self.sandbox.webhooks.lose()
        return {}

    def post_webhooks_intent(self, asked):
        return {"passed": self.sandbox.webhooks.intent_to_receive()}

    def post_tokens_expire(self, asked):
        with self.sandbox.book.lock:
            self.sandbox.oauth.expire_access_tokens()
        return {}

    def post_tokens_withdraw(self, asked):
        with self.sandbox.book.lock:
            self.sandbox.oauth.withdraw_consent()
        return {}

    def post_tokens_grant(self, asked):
        company = self._company(asked) if asked.get("company") else None
        return self.sandbox.grant(company, asked.get("scopes"))

    def post_consent(self, asked):
        if asked.get("mode") not in ("auto", "page", "deny"):
            raise ControlError("mode must be auto, page or deny.")
        with self.sandbox.book.lock:
            self.sandbox.oauth.consent.mode = asked["mode"]
            self.sandbox.oauth.consent.company_ids = list(asked.get("company_ids", ()))
        return {}

    def post_clock(self, asked):
        self.sandbox.book.clock.move_s(float(asked["seconds"]))
        return {"now": self.sandbox.book.clock.peek().isoformat()}

    def post_wall(self, asked):
        self.sandbox.wall.move_s(float(asked["seconds"]))
        return {"now": self.sandbox.wall.peek().isoformat()}

    def post_limits(self, asked):
        self.sandbox.meter.limits = Limits.of(self.sandbox.vendor) if asked.get("vendor") else Limits(**asked)
        return {}

    def post_reset(self, asked):
        day = date.fromisoformat(asked["today"]) if asked.get("today") else None
        with self.sandbox.book.lock:
            self.sandbox.reset(seed=asked.get("seed"), today=day, scale=asked.get("scale"))
        return {}

    def post_change(self, asked):
        """A change a person makes in the ledger's own screens."""
        with self.sandbox.book.lock:
            company = self._company(asked)
            change = getattr(self, f"_change_{asked['what']}", None)
            if change is None:
                raise ControlError(f"Unknown change {asked['what']!r}.")
            change(company, asked)
        self.sandbox.webhooks.flush_if_automatic()
        return {}

    # -- changes ----------------------------------------------------------------------------------------------

    @staticmethod
    def _change_pay(company, asked):
        invoice = company.invoice(asked["id"])
        amount = currencies.rounded(Decimal(str(asked.get("amount", invoice.open))), invoice.currency)
        part = min(amount, invoice.open)
        company.receive(company.customer(invoice.customer_id), amount, company.today(), [(invoice, part)])

    @staticmethod
    def _change_void(company, asked):
        company.void(company.invoices.get(asked["id"]) or company.source(asked["id"]))

    @staticmethod
    def _change_delete(company, asked):
        company.delete(company.invoices.get(asked["id"]) or company.source(asked["id"]))

    @staticmethod
    def _change_edit(company, asked):
        """Fields: reference, note, due_date of an invoice; name, email, active of a customer."""
        known = ("reference", "note", "due_date", "name", "email", "active")
        changes = {name: asked[name] for name in known if name in asked}
        if changes.get("due_date"):
            changes["due_date"] = date.fromisoformat(changes["due_date"])
        company.edit(company.invoices.get(asked["id"]) or company.customer(asked["id"]), **changes)

    @staticmethod
    def _change_archive(company, asked):
        company.archive_customer(company.customer(asked["id"]))

    @staticmethod
    def _change_merge(company, asked):
        company.merge_customers(company.customer(asked["id"]), company.customer(asked["into"]))

    @staticmethod
    def _change_deallocate(company, asked):
        """Take back the first allocation of the invoice."""
        invoice = company.invoice(asked["id"])
        if not invoice.allocations:
            raise ControlError(f"Nothing is allocated to {invoice.number or invoice.id}.")
        company.deallocate(invoice.allocations[0])

    def _company(self, asked):
        company_id = asked.get("company") or self.sandbox.company.id
        if company_id not in self.sandbox.book.companies:
            raise ControlError(f"There is no company {company_id}.")
        return self.sandbox.book.companies[company_id]


def _text(amount, currency):
    return str(currencies.rounded(amount, currency))
