"""Encryption at rest: ledger tokens, client secrets, webhook keys, payloads with personal data.

The key never lies in the database: it comes from the environment variable `ODOO_DUNNING_KEY` or, failing that,
from the option `odoo_dunning_key` of the Odoo configuration file. Several keys may be given, separated by commas:
the first encrypts, all decrypt, so a key can be replaced without losing a connection (`rotate`).
"""

import json
import os
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from odoo.exceptions import UserError
from odoo.tools import config

KEY_VARIABLE = "ODOO_DUNNING_KEY"
KEY_OPTION = "odoo_dunning_key"
NEW_KEY_COMMAND = "python3 -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


def seal(env, plain):
    """Return `plain` (str) encrypted, as text for a database column.

    :raise UserError: no key is configured, or it is not a key.
    """
    return _cipher(env).encrypt(plain.encode()).decode()


def unseal(env, sealed):
    """Return the text that `seal` was given.

    :raise UserError: no key, or none of the configured keys fits.
    """
    try:
        return _cipher(env).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UserError(
            env._(
                "A stored secret cannot be read: it was encrypted with another key than the one this server has. "
                "Put the former key behind the new one in %(variable)s (separated by a comma), or disconnect and "
                "connect the ledger again.",
                variable=KEY_VARIABLE,
            )
        ) from None


def seal_json(env, value):
    return seal(env, json.dumps(value, separators=(",", ":"), default=str))


def unseal_json(env, sealed):
    return json.loads(unseal(env, sealed))


def rotate(env, sealed):
    """Return the same secret, encrypted with the first configured key."""
    return seal(env, unseal(env, sealed))


def check_key(env):
    """Refuse, with the way out, when the server has no usable key."""
    _cipher(env)


def _configured():
    return os.environ.get(KEY_VARIABLE) or config.get(KEY_OPTION) or ""


def _cipher(env):
    keys = _configured()
    if not keys:
        raise UserError(
            env._(
                "Secrets of ledgers are stored encrypted, and this server has no key for it. Make one with\n"
                "%(command)s\n"
                "put it into the environment variable %(variable)s (or the option %(option)s of the Odoo "
                "configuration file), keep a copy in a safe place, and restart Odoo.",
                command=NEW_KEY_COMMAND,
                variable=KEY_VARIABLE,
                option=KEY_OPTION,
            )
        )
    try:
        return _multi(keys)
    except ValueError:
        raise UserError(
            env._(
                "The key in %(variable)s is not usable: it must be 32 bytes in URL-safe base64. Make one with\n"
                "%(command)s",
                variable=KEY_VARIABLE,
                command=NEW_KEY_COMMAND,
            )
        ) from None


@lru_cache(maxsize=4)
def _multi(keys):
    return MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
