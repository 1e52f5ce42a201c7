"""Xero's wire format over the book: OAuth2, connections, the receivables half of the Accounting API."""

import re
import uuid
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from random import Random

from . import currencies, oauth
from .book import Habits
from .skin import Skin, route, urls
from .wire import Refusal, Reply, html, load, simple_pdf
from .xero_faults import invalid, not_found, ordered_fault, query_error, spoil
from .xero_json import ACCOUNTS, Renderer, instant
from .xero_reports import aged_receivables_by_contact
from .xero_resources import RESOURCES
from .xero_where import WhereError, ordered, predicate
from .xero_writes import Writes

API = "/api.xro/2.0"
DEFAULT_PAGE = 100
MOST_PER_PAGE = 1000
PROVIDER = "Sandbox ledger"

RESOURCE = "any(" + ",".join(RESOURCES) + ")"
# The broad scopes of apps older than March 2026 contain the granular ones.
BROAD = {"invoices": "transactions", "payments": "transactions", "reports.aged": "reports"}
AREAS = (
    "contacts",
    "invoices",
    "payments",
    "settings",
    "transactions",
    "reports",
    "reports.aged",
    "banktransactions",
    "attachments",
    "manualjournals",
)


class XeroSkin(Skin):
    vendor = "xero"
    DEFAULT_SCOPES = (
        "offline_access",
        "accounting.contacts.read",
        "accounting.invoices",
        "accounting.payments",
        "accounting.settings.read",
        "accounting.reports.aged.read",
    )
    PATHS = {
        "api": API,
        "authorize": "/identity/connect/authorize",
        "token": "/connect/token",
        "revoke": "/connect/revocation",
        "web": "/pay",
        "connections": "/connections",
        "identity": "",
    }
    SECRET_PATHS = (PATHS["token"], PATHS["revoke"])
    URLS = urls(
        route("/identity/connect/authorize", "authorize"),
        route("/connect/token", "token", "POST"),
        route("/connect/revocation", "revoke", "POST"),
        route("/<any(connections,Connections):_>", "connections"),
        route("/<any(connections,Connections):_>/<connection_id>", "disconnect", "DELETE"),
        route("/pay/<invoice_id>", "pay_page"),
        route(f"{API}/Organisation", "organisation"),
        route(f"{API}/Currencies", "currencies"),
        route(f"{API}/Accounts", "accounts"),
        route(f"{API}/InvoiceReminders/Settings", "reminder_settings"),
        route(f"{API}/Reports/AgedReceivablesByContact", "aged_receivables"),
        route(f"{API}/Invoices/<record_id>/OnlineInvoice", "online_invoice"),
        route(f"{API}/Invoices/<record_id>/Email", "email", "POST"),
        route(f"{API}/<{RESOURCE}:resource>", "list"),
        route(f"{API}/<{RESOURCE}:resource>", "write", "PUT", "POST"),
        route(f"{API}/<{RESOURCE}:resource>/<record_id>", "read"),
        route(f"{API}/<{RESOURCE}:resource>/<record_id>", "update", "POST"),
        route(f"{API}/<{RESOURCE}:resource>/<record_id>/History", "history"),
        route(f"{API}/<{RESOURCE}:resource>/<record_id>/History", "add_history", "PUT"),
        route(f"{API}/<{RESOURCE}:resource>/<record_id>/Allocations", "allocate", "PUT"),
        route(f"{API}/<{RESOURCE}:resource>/<record_id>/Allocations/<allocation_id>", "deallocate", "DELETE"),
    )

    @staticmethod
    def habits(seed):
        random = Random(f"xero-ids/{seed}")
        return Habits(
            new_id=lambda kind: str(uuid.UUID(int=random.getrandbits(128), version=4)),
            balance_touches_customer=False,
            credits_carried_by_payment=False,
            deletes_rows=False,
        )

    def __init__(self, sandbox):
        super().__init__(sandbox)
        settings = oauth.Settings(access_s=1800, refresh_s=60 * 86400, grace_s=1800, revokes_all=True)
        names = {company.id: company.name for company in sandbox.companies}
        self.oauth = oauth.Authority(settings, sandbox.wall, lambda: names, _known_scope)
        self.keeps_events = False  # an organisation that is allowed again shows the event of the first time
        self.writes = Writes(self)

    # -- OAuth and connections --------------------------------------------------------------------------------

    def on_authorize(self, request):
        try:
            return self.oauth.authorize(request.args.to_dict(), with_realm=False)
        except oauth.OAuthError as error:
            raise oauth.error_page(error) from None

    def on_token(self, request):
        try:
            grant, access_token, refresh_token = self.oauth.exchange(request.form, request.authorization)
        except oauth.OAuthError as error:
            return Reply({"error": error.code}, 400)
        return Reply(self.token_payload(grant, access_token, refresh_token))

    def token_payload(self, grant, access_token, refresh_token):
        payload = {
            "access_token": access_token,
            "expires_in": self.oauth.settings.access_s,
            "token_type": "Bearer",
            "scope": " ".join(grant.scopes),
        }
        if refresh_token and "offline_access" in grant.scopes:
            payload["refresh_token"] = refresh_token
        if "openid" in grant.scopes:
            payload["id_token"] = access_token
        return payload

    def on_revoke(self, request):
        try:
            self.oauth.client(request.form, request.authorization)
        except oauth.OAuthError as error:
            return Reply({"error": error.code}, 400)
        self.oauth.revoke(request.form.get("token", ""))
        return Reply(status=200)

    def on_connections(self, request, _):
        access = self._access(request)
        wanted = request.args.get("authEventId") or request.args.get("auth_event_id")
        connections = [
            self._connection(grant, company_id)
            for grant in self.oauth.grants.values()
            if not grant.revoked and grant.client_id == access.grant.client_id
            for company_id in grant.company_ids
        ]
        if self.keeps_events:
            connections.reverse()
        by_tenant = {connection["tenantId"]: connection for connection in connections}
        return Reply([row for row in by_tenant.values() if wanted in (None, "", row["authEventId"])])

    def _connection(self, grant, company_id):
        company = self.book.companies[company_id]
        moment = datetime.fromtimestamp(grant.created_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0")
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{grant.id}/{company_id}")),
            "authEventId": grant.id,
            "tenantId": company_id,
            "tenantType": "ORGANISATION",
            "tenantName": company.name,
            "createdDateUtc": moment,
            "updatedDateUtc": moment,
        }

    def on_disconnect(self, request, connection_id, _):
        client_id = self._access(request).grant.client_id
        grants = [grant for grant in self.oauth.grants.values() if grant.client_id == client_id]
        gone = {
            company_id
            for grant in grants
            for company_id in grant.company_ids
            if self._connection(grant, company_id)["id"] == connection_id
        }
        for grant in grants:
            grant.company_ids[:] = [one for one in grant.company_ids if one not in gone]
        if not gone:
            raise Refusal(not_found())
        return Reply(status=204)

    # -- reading ----------------------------------------------------------------------------------------------

    def on_organisation(self, request):
        company = self.company(request, "settings")
        return self.envelope({"Organisations": [Renderer(company).organisation()]})

    def on_currencies(self, request):
        self.company(request, "settings")
        rows = [{"Code": code, "Description": name} for code, name in sorted(currencies.NAMES.items())]
        return self.envelope({"Currencies": rows})

    def on_accounts(self, request):
        renderer = Renderer(self.company(request, "settings"))
        return self.envelope({"Accounts": [renderer.account(account) for account in ACCOUNTS]})

    def on_reminder_settings(self, request):
        """Whether Xero itself reminds the customers of this organisation."""
        company = self.company(request, "settings")
        return self.envelope({"InvoiceReminders": [{"Enabled": company.sends_reminders}]})

    def on_list(self, request, resource):
        """A list: filters, `where`, `If-Modified-Since`, `order`, and pages when `page` is given."""
        kind = RESOURCES[resource]
        company = self.company(request, kind.area)
        try:
            rows = self._chosen(request, resource, kind, company)
        except WhereError as error:
            raise Refusal(query_error(str(error))) from None
        page = request.args.get("page", type=int)
        summary = _yes(request.args.get("summaryOnly"))
        renderer = Renderer(company)
        if page is None or not kind.paged:
            return self.envelope(
                {resource: [self._rendered(kind, renderer, row, False, summary) for row in rows]}
            )
        size = request.args.get("pageSize", DEFAULT_PAGE, type=int)
        if page < 1 or not 1 <= size <= MOST_PER_PAGE:
            raise Refusal(invalid("page must be at least 1 and pageSize from 1 to 1000."))
        shown = rows[(page - 1) * size : page * size]
        counts = {"page": page, "pageSize": size, "pageCount": -(-len(rows) // size), "itemCount": len(rows)}
        records = [self._rendered(kind, renderer, row, True, summary) for row in shown]
        return self.envelope({"pagination": counts, resource: records})

    @staticmethod
    def _rendered(kind, renderer, row, detail, summary):
        if summary and kind.id_field == "InvoiceID":
            return renderer.invoice_summary(row)
        if kind.id_field == "BatchPaymentID":
            return kind.render(renderer, row, detail)
        return kind.render(renderer, row, detail and not summary)

    def _chosen(self, request, resource, kind, company):
        arguments, rows = request.args, kind.rows(company)
        if resource == "Contacts" and not _yes(arguments.get("includeArchived")) and not arguments.get("IDs"):
            rows = [row for row in rows if row.active]
        since = _modified_since(request.headers.get("If-Modified-Since"))
        if since:
            rows = [row for row in rows if row.updated_at >= since]
        for name, field in (
            ("IDs", lambda row: row.id),
            ("ContactIDs", lambda row: row.customer_id),
            ("InvoiceNumbers", lambda row: row.number),
            ("References", lambda row: row.reference),
            ("Statuses", kind.fields.get("status")),
        ):
            wanted = set(filter(None, arguments.get(name, "").split(",")))
            if wanted and field:
                rows = [row for row in rows if field(row) in wanted]
        if arguments.get("searchTerm"):
            rows = [row for row in rows if _mentions(row, arguments["searchTerm"])]
        if arguments.get("where"):
            rows = filter(predicate(arguments["where"], kind.fields), rows)
        if arguments.get("order"):
            rows = ordered(rows, arguments["order"], kind.fields)
        return list(rows)

    def on_read(self, request, resource, record_id):
        kind = RESOURCES[resource]
        company = self.company(request, kind.area)
        record = self.record(company, resource, record_id)
        if request.headers.get("Accept", "").startswith("application/pdf"):
            return self._pdf(company, resource, record)
        return self.answer(company, resource, record)

    def _pdf(self, company, resource, document):
        if resource not in ("Invoices", "CreditNotes"):
            raise Refusal(not_found())
        customer = company.customer(document.customer_id)
        lines = [
            f"Customer: {customer.name}",
            f"Date: {document.issue_date}",
            f"Total: {document.total} {document.currency}",
        ]
        return Reply(
            body=simple_pdf(f"{company.name}: {document.number}", lines), content_type="application/pdf"
        )

    def on_online_invoice(self, request, record_id):
        company = self.company(request, "invoices")
        invoice = self.record(company, "Invoices", record_id)
        if invoice.purchase or invoice.status in ("draft", "submitted"):
            raise Refusal(not_found())
        return self.envelope(
            {"OnlineInvoices": [{"OnlineInvoiceUrl": f"{self.sandbox.base_url}/pay/{invoice.id}"}]}
        )

    def on_pay_page(self, request, invoice_id):
        for company in self.sandbox.companies:
            invoice = company.invoices.get(invoice_id)
            if invoice:
                return html(200, f"Invoice {invoice.number}", f"Open: {invoice.open} {invoice.currency}")
        return html(404, "This link has expired")

    def on_aged_receivables(self, request):
        company = self.company(request, "reports.aged")
        customer = company.customers.get(request.args.get("contactId", request.args.get("contactID", "")))
        if customer is None:
            raise Refusal(invalid("The contactID must be a contact of this organisation."))
        return self.envelope({"Reports": [aged_receivables_by_contact(company, customer)]})

    def on_history(self, request, resource, record_id):
        company = self.company(request, RESOURCES[resource].area)
        record = self.record(company, resource, record_id)
        return self.envelope({"HistoryRecords": self.writes.history_of(record)})

    # -- writing ----------------------------------------------------------------------------------------------

    def on_write(self, request, resource):
        return self._written(
            request, resource, lambda company, body: self.writes.write(company, resource, body)
        )

    def on_update(self, request, resource, record_id):
        def work(company, body):
            record = self.record(company, resource, record_id)
            return self.writes.update(company, resource, record, _first(body, resource))

        return self._written(request, resource, work)

    def on_add_history(self, request, resource, record_id):
        def work(company, body):
            return self.writes.add_history(company, self.record(company, resource, record_id), body)

        return self._written(request, resource, work)

    def on_email(self, request, record_id):
        def work(company, body):
            return self.writes.email(company, self.record(company, "Invoices", record_id))

        return self._written(request, "Invoices", work)

    def on_allocate(self, request, resource, record_id):
        def work(company, body):
            source = self.record(company, resource, record_id)
            return self.writes.allocate(company, source, body)

        return self._written(request, resource, work)

    def on_deallocate(self, request, resource, record_id, allocation_id):
        def work(company, body):
            source = self.record(company, resource, record_id)
            return self.writes.deallocate(company, source, allocation_id)

        return self._written(request, resource, work)

    def _written(self, request, resource, work):
        company = self.company(request, RESOURCES[resource].area, writing=True)
        try:
            body = load(request.get_data()) or {}
        except ValueError:
            raise Refusal(query_error("The body is not JSON.")) from None
        return self.once(company, request.headers.get("Idempotency-Key"), lambda: work(company, body))

    # -- shared with the writes -------------------------------------------------------------------------------

    def _access(self, request):
        access = self.oauth.access_of(request.headers.get("Authorization", ""))
        if access is None:
            raise Refusal(self.fault_reply("unauthorized", {}))
        return access

    def company(self, request, area, writing=False):
        """The organisation a request may reach; raises Refusal for a dead token, foreign tenant or missing scope."""
        access = self._access(request)
        company_id = request.headers.get("xero-tenant-id", "")
        if company_id not in access.grant.company_ids:
            raise Refusal(self.fault_reply("forbidden", {}))
        if not _allowed(access.grant.scopes, area, writing):
            raise Refusal(self.fault_reply("wrong_scope", {}))
        return self.book.companies[company_id]

    def record(self, company, resource, record_id):
        """The record by id, or by number for contacts' and invoices' human keys; raises Refusal 404."""
        for table in (company.customers, company.invoices, company.sources, company.refunds, company.batches):
            if record_id in table and any(
                row is table[record_id] for row in RESOURCES[resource].rows(company)
            ):
                return table[record_id]
        for invoice in company.invoices.values() if resource == "Invoices" else ():
            if invoice.number == record_id:
                return invoice
        raise Refusal(not_found())

    def answer(self, company, resource, record):
        kind = RESOURCES[resource]
        return self.envelope({resource: [kind.render(Renderer(company), record, True)]})

    def envelope(self, content):
        return Reply(
            {
                "Id": str(uuid.uuid4()),
                "Status": "OK",
                "ProviderName": PROVIDER,
                "DateTimeUTC": instant(self.book.clock.peek()),
                **content,
            }
        )

    # -- what the server asks ---------------------------------------------------------------------------------

    @staticmethod
    def company_id_of(request):
        return request.headers.get("xero-tenant-id", "") if request.path.startswith(API) else ""

    def dress(self, request, reply):
        company_id = self.company_id_of(request)
        left = self.sandbox.meter.remaining(company_id)
        reply.headers.setdefault("X-AppMinLimit-Remaining", str(left["app_minute"]))
        if company_id:
            reply.headers.setdefault("X-MinLimit-Remaining", str(left["minute"]))
            reply.headers.setdefault("X-DayLimit-Remaining", str(left["day"]))
        reply.headers.setdefault("Xero-Correlation-Id", str(uuid.uuid4()))

    @staticmethod
    def records(payload):
        if not isinstance(payload, dict):
            return []
        return [payload[name] for name in RESOURCES if payload.get(name)]

    @staticmethod
    def id_of(record):
        names = (kind.id_field for kind in RESOURCES.values())
        return (
            next((record[name] for name in names if name in record), None)
            if isinstance(record, dict)
            else None
        )

    spoil = staticmethod(spoil)
    fault_reply = staticmethod(ordered_fault)
    not_found_reply = staticmethod(not_found)
    validation_reply = staticmethod(invalid)


def _allowed(scopes, area, writing):
    names = [f"accounting.{area}"] + ([f"accounting.{BROAD[area]}"] if area in BROAD else [])
    if not writing:
        names += [f"{name}.read" for name in names]
    return any(name in scopes for name in names)


def _known_scope(scope):
    if scope in ("openid", "profile", "email", "offline_access"):
        return True
    match = re.fullmatch(r"accounting\.(.+?)(\.read)?", scope)
    return bool(match) and match.group(1) in AREAS


def _modified_since(text):
    """UTC `yyyy-mm-ddThh:mm:ss`, also with fraction or offset, or an HTTP date."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _mentions(row, term):
    text = " ".join(str(getattr(row, name, "")) for name in ("name", "email", "number", "reference"))
    return term.lower() in text.lower()


def _first(body, resource):
    """The one record of an update, bare or in its list."""
    return body[resource][0] if body.get(resource) else body


def _yes(text):
    return (text or "").lower() == "true"
