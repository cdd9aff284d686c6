"""Whether a Ray cluster can be at an address: a look at its port, without Ray."""

import socket

from automl.errors import UsageError


def check_answers(address: str | None) -> None:
    """Raise `UsageError` where nothing listens: Ray would try for minutes and end the process.

    Of `auto` and of None only Ray itself can tell.
    """
    if address is None or ":" not in address:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--address {address}: nothing answers there ({error}); the head of a cluster listens "
            "at port 6379, and for ray:// at 10001"
        ) from error
