"""TCP ports on loopback."""

from __future__ import annotations

import socket

from tests.stage.errors import StageError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on now, chosen by the operating system."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def require_free(port: int, wanted_for: str) -> int:
    """Return `port`, or raise StageError when another program listens on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise StageError(
                f"Port {port}, wanted for {wanted_for}, is taken ({error.strerror}); stop the program that uses it or "
                "choose another port."
            ) from error
    return port
