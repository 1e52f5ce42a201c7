"""QuickBooks' ways of saying no, and of being wrong: Faults, throttling, spoilt records."""

from datetime import datetime, timezone

from .wire import Reply, html

THROTTLED = "message=ThrottleExceeded; errorCode=003001; statusCode=429"
SYSTEM_ERROR = "An application error has occurred while processing your request"
BUSINESS_ERROR = "A business validation error has occurred while processing your request"


def fault(status, code, message, detail="", kind="ValidationFault"):
    """Intuit's Fault as an answer."""
    error = {"Message": message, "Detail": detail or message, "code": code, "element": ""}
    return Reply(
        {"Fault": {"Error": [error], "type": kind}, "time": datetime.now(timezone.utc).isoformat()}, status
    )


def gateway_fault(status, code, word, detail, kind):
    """The lower-case Fault of the gateway in front of the API."""
    message = f"message={word}; errorCode=00{code}; statusCode={status}"
    error = {"message": message, "detail": detail or message, "code": code, "element": None}
    empty = dict.fromkeys(("warnings", "intuitObject", "report", "queryResponse", "requestId", "status"))
    lists = {"batchItemResponse": [], "attachableResponse": [], "cdcresponse": []}
    return Reply({**empty, "fault": {"error": [error], "type": kind}, **lists, "time": 0}, status)


def ordered_fault(kind, params):
    """The answer to an ordered fault; see `faults.ANSWERS`. Unknown kinds get a body that is not JSON."""
    answer = _ANSWERS.get(kind)
    return answer(params) if answer else Reply(body=b"not json", content_type="application/json")


def _throttled(params, detail=""):
    reply = fault(429, "003001", THROTTLED, detail, "THROTTLE")
    if "retry_after_s" in params:
        reply.headers["Retry-After"] = str(params["retry_after_s"])
    return reply


def _fault_in_200(params):
    code, message = params.get("code", "10000"), params.get("message", "System Failure Error")
    reply = fault(200, code, message, "", "SystemFault")
    return Reply(_lowered(reply.payload)) if params.get("lower_case") else reply


def _lowered(value):
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _lowered(item) for name, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _unauthorized(params):
    return gateway_fault(401, "3200", "AuthenticationFailed", "Token expired", "AUTHENTICATION")


def _forbidden(params):
    return gateway_fault(403, "3100", "ApplicationAuthorizationFailed", "", "AUTHORIZATION")


_ANSWERS = {
    "unauthorized": _unauthorized,
    "forbidden": _forbidden,
    "wrong_scope": _forbidden,
    "throttle_minute": _throttled,
    "throttle_concurrent": _throttled,
    "throttle_day": _throttled,
    "throttle_appminute": _throttled,
    "throttle_month": lambda params: _throttled(
        {}, "The monthly quota of reads of this workspace is used up."
    ),
    "server_error": lambda params: fault(500, "10000", SYSTEM_ERROR, "", "SystemFault"),
    "unavailable_html": lambda params: html(503, "503 Service Temporarily Unavailable"),
    "fault_in_200": _fault_in_200,
    "company_suspended": lambda params: fault(
        400, "6190", "Invalid Company Status", "Subscription period has ended"
    ),
}


def spoil(kind, record):
    """Spoil a record in place; see `faults.SPOILT`."""
    _SPOILERS[kind](record)


def _malform(record):
    record.update({"Balance" if "Balance" in record else "TotalAmt": "n/a", "CustomerRef": "nobody"})


def _forget_dates(record):
    record.update({name: None for name in ("DueDate", "TxnDate") if name in record})


def _delete_falsely(record):
    keep = {name: record[name] for name in ("domain", "Id", "MetaData") if name in record}
    record.clear()
    record.update({**keep, "status": "Deleted"})


def _without(*names):
    def remove(record):
        for name in names:
            record.pop(name, None)

    return remove


_SPOILERS = {
    "malformed_record": _malform,
    "unknown_currency": lambda record: record.update(
        CurrencyRef={"value": "XCG", "name": "Caribbean Guilder"}
    ),
    "unknown_status": lambda record: record.update(EmailStatus="Teleported"),
    "unknown_enum": lambda record: record.update(LinkedTxn=[{"TxnId": "1", "TxnType": "HologramReceipt"}]),
    "null_date": _forget_dates,
    "missing_amount": _without("TotalAmt", "Balance", "UnappliedAmt", "RemainingCredit"),
    "missing_customer": _without("CustomerRef"),
    "missing_id": _without("Id"),
    "false_delete": _delete_falsely,
}
