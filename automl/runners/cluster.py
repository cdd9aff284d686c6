"""Checks that something listens at a cluster's address, without Ray."""

import socket

from automl.errors import UsageError


def check_answers(address: str | None) -> None:
    """Raise `UsageError` if nothing listens: Ray would try for minutes and end the process.

    `auto` and None are left to Ray, which alone knows where its clusters are.
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
