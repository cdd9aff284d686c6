"""The failure that an error stands for."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from automl.errors import UsageError, fault_of_a_skill
from automl.redact import redacted
from automl.trial.trial import Failure, FailureKind

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE)
USER_KINDS = ("usage", "bad_data")


def failure_kind(error: BaseException) -> str | None:
    """Return the `kind` that a skill's error carries, or None for an error without one."""
    kind = getattr(error, "kind", None)
    return kind if isinstance(kind, str) else None


@contextmanager
def faults_of_the_user() -> Iterator[None]:
    """Turn a skill's errors of kind usage or bad_data into `UsageError`."""
    try:
        yield
    except Exception as error:  # A skill may raise anything; only its own faults are mapped.
        if failure_kind(error) not in USER_KINDS:
            raise
        faults = map(fault_of_a_skill, getattr(error, "faults", (str(error),)))
        raise UsageError(*faults, kind=failure_kind(error)) from error


def is_fault_of_the_machine(text: str) -> bool:
    """Whether an error's text says that the disk, not the training, is at fault."""
    return any(os.strerror(number) in text for number in _DISK)


def failure_from_error(error: BaseException) -> Failure:
    """Return a failure with the kind of the error, else crashed, and a message of one line."""
    if is_fault_of_the_machine(str(error)):
        return Failure(FailureKind.MACHINE, redacted(" ".join(str(error).split())))
    kinds = {kind.value for kind in FailureKind}
    carried = error.error_kind if isinstance(error, UsageError) else failure_kind(error)
    kind = FailureKind(carried) if carried in kinds else FailureKind.CRASHED
    text = redacted(" ".join(str(error).split())) or "no message"
    return Failure(kind, text if carried else f"{type(error).__name__}: {text}")
