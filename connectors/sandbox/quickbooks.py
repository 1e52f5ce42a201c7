"""QuickBooks Online's wire format over the book: OAuth2, queries, change data capture, reads, writes, reports."""

import re
from datetime import date, datetime, timedelta
from itertools import count

from . import currencies, oauth
from . import quickbooks_query as language
from .book import Habits
from .quickbooks_entities import BY_PATH, CAPTURED, ENTITIES, NEVER_HERE, lookup, second
from .quickbooks_faults import BUSINESS_ERROR, fault, ordered_fault, spoil
from .quickbooks_json import Renderer
from .quickbooks_reports import aged_receivables
from .quickbooks_writes import Writes
from .skin import Skin, route, urls
from .wire import Refusal, Reply, html, load, simple_pdf

CAPTURE_DAYS = 30
CAPTURE_LIMIT = 1000
SCOPE = "com.intuit.quickbooks.accounting"
LINK_DAYS = 30


class QuickBooksSkin(Skin):
    vendor = "quickbooks"
    DEFAULT_SCOPES = (SCOPE,)
    PATHS = {
        "api": "/v3",
        "api_sandbox": "/sandbox/v3",
        "api_production": "/production/v3",
        "authorize": "/connect/oauth2",
        "token": "/oauth2/v1/tokens/bearer",
        "revoke": "/v2/oauth2/tokens/revoke",
        "web": "/pay",
        "discovery": "/.well-known/openid_configuration",
        "discovery_sandbox": "/.well-known/openid_sandbox_configuration",
    }
    SECRET_PATHS = (PATHS["token"], PATHS["revoke"])
    URLS = urls(
        route("/.well-known/openid_configuration", "discovery"),
        route("/.well-known/openid_sandbox_configuration", "discovery"),
        route("/connect/oauth2", "authorize"),
        route("/oauth2/v1/tokens/bearer", "token", "POST"),
        route("/v2/oauth2/tokens/revoke", "revoke", "POST"),
        route("/pay/<realm>/<invoice_id>", "pay_page"),
        *(
            route(prefix + path, endpoint, *methods)
            for prefix in ("/v3/company/<realm>", "/<environment>/v3/company/<realm>")
            for path, endpoint, *methods in (
                ("/query", "query", "GET", "POST"),
                ("/cdc", "capture"),
                ("/companyinfo/<_>", "company_info"),
                ("/preferences", "preferences"),
                ("/exchangerate", "exchange_rate"),
                ("/reports/AgedReceivables", "aged_receivables"),
                ("/<path_name>/<record_id>/pdf", "pdf"),
                ("/<path_name>/<record_id>/send", "send", "POST"),
                ("/<path_name>/<record_id>", "read"),
                ("/<path_name>", "write", "POST"),
            )
        ),
    )

    @staticmethod
    def habits(seed):
        counters = {"customer": count(1), "allocation": count(1)}
        transactions = count(1)
        return Habits(
            new_id=lambda kind: str(next(counters.get(kind, transactions))),
            balance_touches_customer=True,
            credits_carried_by_payment=True,
            deletes_rows=True,
        )

    def __init__(self, sandbox):
        super().__init__(sandbox)
        settings = oauth.Settings(access_s=3600, refresh_s=100 * 86400, grace_s=0)
        names = {company.id: company.name for company in sandbox.companies}
        self.oauth = oauth.Authority(settings, sandbox.wall, lambda: names, _known_scope)
        self.writes = Writes(self)

    # -- OAuth ------------------------------------------------------------------------------------------------

    def on_discovery(self, request):
        base = self.sandbox.base_url
        return Reply(
            {
                "issuer": base,
                "authorization_endpoint": base + self.PATHS["authorize"],
                "token_endpoint": base + self.PATHS["token"],
                "userinfo_endpoint": base + "/v1/openid_connect/userinfo",
                "revocation_endpoint": base + self.PATHS["revoke"],
                "jwks_uri": base + "/v1/openid_connect/jwks",
                "response_types_supported": ["code"],
                "scopes_supported": [SCOPE, "openid", "email", "profile"],
            }
        )

    def on_authorize(self, request):
        try:
            return self.oauth.authorize(request.args.to_dict(), with_realm=True)
        except oauth.OAuthError as error:
            raise oauth.error_page(error) from None

    def on_token(self, request):
        try:
            grant, access_token, refresh_token = self.oauth.exchange(request.form, request.authorization)
        except oauth.OAuthError as error:
            return oauth.error_reply(error)
        payload = self.token_payload(grant, access_token, refresh_token)
        if request.form.get("includeRefreshTokenHardExpiresIn") == "true":
            age_s = self.oauth.wall.peek().timestamp() - grant.created_s
            payload["x_refresh_token_hard_expires_in"] = int(self.oauth.settings.hard_end_s - age_s)
        return Reply(payload)

    def token_payload(self, grant, access_token, refresh_token):
        return {
            "token_type": "bearer",
            "access_token": access_token,
            "expires_in": self.oauth.settings.access_s,
            "refresh_token": refresh_token,
            "x_refresh_token_expires_in": self.oauth.settings.refresh_s,
        }

    def on_revoke(self, request):
        try:
            self.oauth.client(request.form, request.authorization)
        except oauth.OAuthError as error:
            return oauth.error_reply(error)
        body = load(request.get_data()) if request.is_json else request.form
        if not self.oauth.revoke((body or {}).get("token", "")):
            return Reply({"error": "invalid_request"}, 400)
        return Reply(status=200)

    # -- reading ----------------------------------------------------------------------------------------------

    def on_query(self, request, realm, environment=""):
        company = self.company(request, realm, environment)
        text = request.args.get("query") if request.method == "GET" else request.get_data(as_text=True)
        try:
            query = language.parse(text or "")
            return Reply({"QueryResponse": self._queried(company, query), "time": self._time(company)})
        except language.QueryError as error:
            title = "Error parsing query" if error.code == "4000" else "Invalid query"
            raise Refusal(fault(400, error.code, title, error.detail)) from None

    def _queried(self, company, query):
        renderer = self.renderer(company)
        if query.entity.lower() == "exchangerate":
            return self._queried_rates(renderer, query)
        if query.entity in NEVER_HERE:
            return {"totalCount": 0} if query.counts else {}
        entity = ENTITIES.get(query.entity)
        if entity is None:
            raise language.QueryError(
                "4001", f"QueryValidationError: Metadata not found for Entity: {query.entity}"
            )
        rows = entity.rows(company)
        if entity.listed and not any(name == "Active" for name, _, _ in query.conditions):
            rows = [row for row in rows if entity.fields["Active"](row)]
        rows = language.select(query, rows, entity.fields, company.timezone)
        if query.counts:
            return {"totalCount": len(rows)}
        page = rows[query.start - 1 : query.start - 1 + query.limit]
        if not page:
            return {}
        records = [_picked(entity.render(renderer, row), query.fields) for row in page]
        return {query.entity: records, "startPosition": query.start, "maxResults": len(records)}

    @staticmethod
    def _queried_rates(renderer, query):
        asked = {name: literal for name, _, literal in query.conditions}
        day = date.fromisoformat(asked.get("AsOfDate") or renderer.company.today().isoformat())
        codes = asked.get("SourceCurrencyCode") or sorted(currencies.NAMES)
        codes = [codes] if isinstance(codes, str) else codes
        records = [renderer.exchange_rate(code, day) for code in codes if code in currencies.NAMES]
        return {"ExchangeRate": records, "startPosition": 1, "maxResults": len(records)} if records else {}

    def on_capture(self, request, realm, environment=""):
        """Change data capture: whole objects changed since a time, at most 1,000 over all entities, silently cut."""
        company = self.company(request, realm, environment)
        since = self._since(request, company)
        names = [name.strip() for name in request.args.get("entities", "").split(",") if name.strip()]
        left, answers = CAPTURE_LIMIT, []
        for name in names:
            if name not in CAPTURED and name not in NEVER_HERE:
                raise Refusal(fault(400, "4001", "Invalid query", f"Entity {name} is not supported by CDC."))
            records = self._captured(company, name, since)[:left] if name in CAPTURED else []
            left -= len(records)
            page = {name: records, "startPosition": 1, "maxResults": len(records), "totalCount": len(records)}
            answers.append(page if records else {})
        return Reply({"CDCResponse": [{"QueryResponse": answers}], "time": self._time(company)})

    def _since(self, request, company):
        try:
            since = datetime.fromisoformat(
                request.args.get("changedSince", "").replace("Z", "+00:00").replace(" ", "+")
            )
        except ValueError:
            raise Refusal(fault(400, "2030", "Invalid ID", "changedSince is not a date-time.")) from None
        since = since if since.tzinfo else since.replace(tzinfo=company.timezone)
        if since < self.book.clock.peek() - timedelta(days=CAPTURE_DAYS):
            day = request.args["changedSince"]
            detail = (
                f"Operation cdc with changedSince date {day} which is older than fixed days is not supported."
            )
            raise Refusal(fault(400, "5020", "Unsupported Operation", detail))
        return second(since)

    def _captured(self, company, name, since):
        entity, renderer = ENTITIES[name], self.renderer(company)
        changed = [row for row in entity.rows(company) if second(row.updated_at) >= since]
        changed.sort(key=lambda row: row.updated_at)
        gone = [
            one for one in company.tombstones if one.kind in entity.kinds and second(one.deleted_at) >= since
        ]
        return [entity.render(renderer, row) for row in changed] + [renderer.deleted(one) for one in gone]

    def on_read(self, request, realm, path_name, record_id, environment=""):
        company = self.company(request, realm, environment)
        name = self.entity_name(path_name)
        record = self.record(company, name, record_id)
        row = ENTITIES[name].render(self.renderer(company), record)
        if name == "Invoice" and request.args.get("include") == "invoiceLink" and record.open:
            expires_at = self.book.clock.peek() + timedelta(days=LINK_DAYS)
            row.update(self.renderer(company).invoice_link(record, expires_at))
        return Reply({name: row, "time": self._time(company)})

    def on_company_info(self, request, realm, _, environment=""):
        return self._single(request, realm, environment, "CompanyInfo")

    def on_preferences(self, request, realm, environment=""):
        return self._single(request, realm, environment, "Preferences")

    def _single(self, request, realm, environment, name):
        company = self.company(request, realm, environment)
        return Reply(
            {name: ENTITIES[name].render(self.renderer(company), company), "time": self._time(company)}
        )

    def on_exchange_rate(self, request, realm, environment=""):
        company = self.company(request, realm, environment)
        code = request.args.get("sourcecurrencycode", "")
        if code not in currencies.NAMES:
            raise Refusal(fault(400, "610", "Object Not Found", f"No exchange rate for {code}."))
        day = date.fromisoformat(request.args.get("asofdate") or company.today().isoformat())
        return Reply(
            {"ExchangeRate": self.renderer(company).exchange_rate(code, day), "time": self._time(company)}
        )

    def on_aged_receivables(self, request, realm, environment=""):
        company = self.company(request, realm, environment)
        return Reply(aged_receivables(company, self._time(company), request.args.get("customer", "")))

    def on_pdf(self, request, realm, path_name, record_id, environment=""):
        company = self.company(request, realm, environment)
        name = self.entity_name(path_name)
        if name not in ("Invoice", "CreditMemo"):
            raise Refusal(self.not_found_reply())
        document = self.record(company, name, record_id)
        customer = company.customer(document.customer_id)
        lines = [
            f"Customer: {customer.name}",
            f"Date: {document.issue_date}",
            f"Total: {document.total} {document.currency}",
        ]
        body = simple_pdf(f"{company.name}: {name} {document.number or document.id}", lines)
        return Reply(body=body, content_type="application/pdf")

    def on_pay_page(self, request, realm, invoice_id):
        company = self.book.companies.get(realm)
        invoice = company and company.invoices.get(invoice_id)
        if not invoice:
            return html(404, "This link has expired")
        return html(200, f"Invoice {invoice.number}", f"Open: {invoice.open} {invoice.currency}")

    # -- writing ----------------------------------------------------------------------------------------------

    def on_write(self, request, realm, path_name, environment=""):
        company = self.company(request, realm, environment)
        name = self.entity_name(path_name)
        try:
            body = load(request.get_data()) or {}
        except ValueError:
            raise Refusal(
                fault(400, "2010", "Request has invalid or unsupported property", "No JSON.")
            ) from None
        return self.once(
            company,
            request.args.get("requestid"),
            lambda: self.writes.write(company, name, body, request.args),
        )

    def on_send(self, request, realm, path_name, record_id, environment=""):
        company = self.company(request, realm, environment)
        name = self.entity_name(path_name)
        if name != "Invoice":
            raise Refusal(self.not_found_reply())
        invoice = self.record(company, name, record_id)
        return self.once(
            company,
            request.args.get("requestid"),
            lambda: self.writes.send(company, invoice, request.args.get("sendTo")),
        )

    # -- shared with the writes -------------------------------------------------------------------------------

    def company(self, request, realm, environment):
        """The company a request may reach; raises Refusal for a dead token, a foreign realm, a wrong environment."""
        access = self.oauth.access_of(request.headers.get("Authorization", ""))
        if access is None:
            raise Refusal(self.fault_reply("unauthorized", {}))
        company = self.book.companies.get(realm)
        if company is None or realm not in access.grant.company_ids or SCOPE not in access.grant.scopes:
            raise Refusal(self.fault_reply("forbidden", {}))
        if environment and (environment == "sandbox") is not company.demo:
            raise Refusal(self.fault_reply("forbidden", {}))
        return company

    def renderer(self, company):
        return Renderer(company, self.sandbox.base_url)

    def entity_name(self, path_name):
        if path_name.lower() not in BY_PATH:
            raise Refusal(self.not_found_reply())
        return BY_PATH[path_name.lower()]

    def record(self, company, name, record_id):
        """The record by id; raises Refusal 610 when it is not (or no longer) there."""
        record = lookup(company, name, record_id)
        if record is None:
            detail = (
                f"Object Not Found : Something you're trying to use has been made inactive. Id {record_id}"
            )
            raise Refusal(fault(400, "610", "Object Not Found", detail))
        return record

    def answer(self, company, name, record):
        """What a write says: the record as it stands now."""
        row = ENTITIES[name].render(self.renderer(company), record)
        return Reply({name: row, "time": self._time(company)})

    def _time(self, company):
        return self.book.clock.peek().astimezone(company.timezone).isoformat(timespec="milliseconds")

    # -- what the server asks ---------------------------------------------------------------------------------

    @staticmethod
    def company_id_of(request):
        match = re.search(r"/company/([^/]+)/", request.path)
        return match.group(1) if match else ""

    def dress(self, request, reply):
        reply.headers.setdefault("intuit_tid", f"1-{len(self.sandbox.requests):08x}-sandbox")

    def records(self, payload):
        """The lists of records in an answer, to be edited in place."""
        if not isinstance(payload, dict):
            return []
        pages = [payload.get("QueryResponse", {})]
        for capture in payload.get("CDCResponse", ()):
            pages += capture["QueryResponse"]
        lists = [value for page in pages for value in page.values() if isinstance(value, list)]
        singles = [[payload[name]] for name in ENTITIES if name in payload]
        return [records for records in lists + singles if records]

    @staticmethod
    def id_of(record):
        return record.get("Id") if isinstance(record, dict) else None

    spoil = staticmethod(spoil)
    fault_reply = staticmethod(ordered_fault)

    @staticmethod
    def not_found_reply():
        return fault(404, "2500", "Unsupported Operation", "Operation is not supported.", "SERVICE")

    @staticmethod
    def validation_reply(message):
        return fault(400, "6000", BUSINESS_ERROR, message)


def _known_scope(scope):
    return scope in (SCOPE, "openid", "profile", "email", "phone", "address", "offline_access")


def _picked(row, names):
    if "*" in names:
        return row
    wanted = {name.split(".")[0] for name in names} | {"domain", "Id"}
    return {**{name: value for name, value in row.items() if name in wanted}, "sparse": True}
