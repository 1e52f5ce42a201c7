"""Keeps secrets and personal data out of logs, also out of those the SDKs write."""

from __future__ import annotations

import logging
import re

_SECRETS = (
    re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]+"),
    re.compile(
        r"(?i)([\"']?(?:access_token|refresh_token|id_token|client_secret|code|code_verifier|api_?key|password|"
        r"authorization|rejected)[\"']?\s*[:=]\s*[\"']?)(?!bearer)[^\s\"',&}]+"
    ),
    re.compile(r"()\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
)
# Loggers of the libraries that write headers, forms or bodies at DEBUG.
TALKATIVE = (
    "requests_oauthlib.oauth2_session",
    "oauthlib",
    "xero_python",
    "urllib3",
    "quickbooks",
    "intuitlib",
)


def redacted(text: str) -> str:
    """`text` without tokens, secrets and keys."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return text


class Redactor(logging.Filter):
    """Rewrites a record's message; tracebacks are reduced to the error's class and redacted words."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redacted(record.getMessage())
        record.args = ()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            record.msg += f" ({type(error).__name__}: {redacted(str(error))})"
            record.exc_info = record.exc_text = None
        return True


_REDACTOR = Redactor()


def quieten_libraries() -> None:
    """Put the redactor on the talkative loggers; their own DEBUG lines, which hold whole bodies, are dropped."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
        if _REDACTOR not in logger.filters:
            logger.addFilter(_REDACTOR)


def logger(name: str) -> logging.Logger:
    """A logger whose every line is redacted."""
    log = logging.getLogger(name)
    if _REDACTOR not in log.filters:
        log.addFilter(_REDACTOR)
    return log
