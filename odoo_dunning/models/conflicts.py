"""Work of scheduled actions beside each other and beside people."""

import logging

import psycopg2.errors

_logger = logging.getLogger(__name__)

# Another transaction had the same row: not an error, a matter of trying later.
CONFLICTS = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.LockNotAvailable,
)
ATTEMPTS = 5


def try_again(env, work, *arguments):
    """Do `work`, which commits by itself, anew on what is now where another transaction had the same rows.

    Nothing may wait to be committed before it. The last attempt's conflict is raised.

    :return: what `work` returns
    """
    for _attempt in range(ATTEMPTS - 1):
        try:
            return work(*arguments)
        except CONFLICTS as error:
            _logger.info("Done again, another transaction had the same rows: %s", error)
            env.cr.rollback()
    return work(*arguments)
