"""Xero's ways of saying no, and of being wrong: problems, throttling, spoilt records."""

import uuid

from .wire import Reply, html
from .xero_resources import RESOURCES

RETRY_AFTER_S = {"minute": 30, "day": 40_000}


def problem(status, title, detail):
    """The gateway's refusal."""
    payload = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": str(uuid.uuid4()),
    }
    return Reply({**payload, "Extensions": {}}, status)


def invalid(message):
    """400 with a validation error, as an answer to a write that breaks a rule."""
    payload = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred"}
    return Reply({**payload, "Elements": [{"ValidationErrors": [{"Message": message}]}]}, 400)


def query_error(message):
    """400 to a request that cannot be read."""
    return Reply({"ErrorNumber": 16, "Type": "QueryParseException", "Message": message}, 400)


def not_found():
    return Reply(
        status=404, body=b"The resource you're looking for cannot be found", content_type="text/plain"
    )


def ordered_fault(kind, params):
    """The answer to an ordered fault; see `faults.ANSWERS`. Unknown kinds get a body that is not JSON."""
    answer = _ANSWERS.get(kind)
    return answer(params) if answer else Reply(body=b"not json", content_type="application/json")


def _wrong_scope(params):
    """403; real answers have been seen with 401 and the same detail (params: status)."""
    status = params.get("status", 403)
    reply = problem(status, "Forbidden" if status == 403 else "Unauthorized", "AuthorizationUnsuccessful")
    reply.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
    return reply


def _throttled(limit):
    """429 that names the limit. Retry-After comes with the minute and day limits only."""

    def answer(params):
        headers = {"X-Rate-Limit-Problem": limit}
        if limit in RETRY_AFTER_S:
            headers["Retry-After"] = str(params.get("retry_after_s", RETRY_AFTER_S[limit]))
            headers[f"X-{'Min' if limit == 'minute' else 'Day'}Limit-Remaining"] = "0"
        return Reply(status=429, content_type="text/html", headers=headers)

    return answer


def _server_error(params):
    payload = {"ErrorNumber": 500, "Type": "InternalErrorException", "Message": "An error occurred in Xero."}
    return Reply(payload, 500)


def _fault_in_200(params):
    reply = invalid("The request could not be processed.")
    reply.status = 200
    return reply


_ANSWERS = {
    "unauthorized": lambda params: problem(401, "Unauthorized", "TokenExpired: token expired"),
    "forbidden": lambda params: problem(403, "Forbidden", "AuthenticationUnsuccessful"),
    "wrong_scope": _wrong_scope,
    "throttle_minute": _throttled("minute"),
    "throttle_day": _throttled("day"),
    "throttle_month": _throttled("day"),
    "throttle_concurrent": _throttled("concurrent"),
    "throttle_appminute": _throttled("appminute"),
    "server_error": _server_error,
    "unavailable_html": lambda params: html(503, "The Xero API is temporarily unavailable"),
    "fault_in_200": _fault_in_200,
    "company_suspended": lambda params: problem(403, "Forbidden", "OrganisationIsNotActive"),
}


def spoil(kind, record):
    """Spoil a record in place; see `faults.SPOILT`."""
    _SPOILERS[kind](record)


def _first_of(*names):
    """Set the first of the fields the record has (or the last) to a value."""

    def setter(value):
        return lambda record: record.update(
            {next((name for name in names if name in record), names[-1]): value}
        )

    return setter


def _malform(record):
    record.update({"AmountDue" if "AmountDue" in record else "Total": "n/a", "Contact": "nobody"})


def _forget_dates(record):
    names = ("Date", "DateString", "DueDate", "DueDateString")
    record.update({name: None for name in names if name in record})


def _without(*names):
    def remove(record):
        for name in names:
            record.pop(name, None)

    return remove


_SPOILERS = {
    "malformed_record": _malform,
    "unknown_currency": lambda record: record.update(CurrencyCode="XCG"),
    "unknown_status": _first_of("ContactStatus", "Status")("TELEPORTED"),
    "unknown_enum": _first_of("PaymentType", "Type")("ACCHOLOGRAM"),
    "null_date": _forget_dates,
    "missing_amount": _without("AmountDue", "Total", "Amount", "RemainingCredit"),
    "missing_customer": _without("Contact"),
    "missing_id": _without(*(kind.id_field for kind in RESOURCES.values())),
    "false_delete": lambda record: record.update(Status="DELETED"),
}
