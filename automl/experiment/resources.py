"""The resources that a search may use: runner, concurrency, memory, address."""

import re
from dataclasses import dataclass, replace

from automl.errors import UsageError, disagreement, not_allowed, not_one_of

RUNNERS = ("ray", "local")

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB|TB)", re.IGNORECASE)

_UNITS = {"MB": 1e6, "GB": 1e9, "TB": 1e12}

_ADDRESS = re.compile(r"auto|(ray://)?[\w.-]+:\d+")


@dataclass(frozen=True)
class Resources:
    """Where trials run, how many at once, and the share of each; None: chosen by the runner."""

    runner: str | None = None
    concurrency: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None
    """A fraction of one GPU, or a whole number of GPUs."""
    memory_per_trial: str | None = None
    """As `8GB`: a trial is placed only on a machine with this much unreserved memory."""
    address: str | None = None
    """A running Ray cluster: `auto`, `HOST:PORT` or `ray://HOST:PORT`; None: start one."""

    def __post_init__(self) -> None:
        if self.runner is not None and self.runner not in RUNNERS:
            raise UsageError(not_one_of("--runner", self.runner, RUNNERS))
        if self.concurrency is not None and self.concurrency < 1:
            raise UsageError(not_allowed("--concurrency", self.concurrency, "1 or more"))
        for flag, share in (("cpus", self.cpus_per_trial), ("gpus", self.gpus_per_trial)):
            if share is not None and share < 0:
                raise UsageError(not_allowed(f"--{flag}-per-trial", share, "0 or more"))
        gpus = self.gpus_per_trial or 0.0
        if gpus > 1 and gpus % 1:
            raise UsageError(
                f"--gpus-per-trial: {gpus:g} is not allowed: a fraction of one GPU (0.5) or "
                "whole GPUs"
            )
        if self.memory_per_trial is not None and not _MEMORY.fullmatch(self.memory_per_trial):
            raise UsageError(
                f"--memory-per-trial: {self.memory_per_trial!r} is not understood; give for "
                "example 8GB or 500MB"
            )
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            raise UsageError(
                f"--address: {self.address!r} is not understood; give auto, HOST:PORT or "
                "ray://HOST:PORT"
            )
        if self.runner == "local":
            self._check_local()

    @property
    def memory_bytes(self) -> float | None:
        """The memory of a trial in bytes."""
        match = _MEMORY.fullmatch(self.memory_per_trial or "")
        return float(match[1]) * _UNITS[match[2].upper()] if match else None

    def on(self, runner: str, concurrency: int | None = None) -> "Resources":
        """Return the same with this runner and concurrency, unless others were given.

        Raises `UsageError` if another concurrency was given.
        """
        if concurrency is not None and self.concurrency not in (None, concurrency):
            raise UsageError(
                disagreement(f"--concurrency {self.concurrency}", f"max_concurrent={concurrency}")
            )
        return replace(
            self,
            runner=self.runner or runner,
            concurrency=self.concurrency if concurrency is None else concurrency,
        )

    def for_trials_of(self, gpus: int | None, *, key: str) -> "Resources":
        """Return the same for trials of `gpus` GPUs each, the value of `key` in the spec.

        Raises `UsageError` if another share was asked for.
        """
        if gpus is None or gpus < 2 or self.runner != "ray":
            return self
        if self.gpus_per_trial not in (None, gpus):
            raise UsageError(
                disagreement(f"--gpus-per-trial {self.gpus_per_trial:g}", f"{key}={gpus}")
            )
        return replace(self, gpus_per_trial=float(gpus))

    def _check_local(self) -> None:
        if (self.concurrency or 1) > 1:
            raise UsageError(
                f"--concurrency: {self.concurrency} is not allowed with --runner local, which "
                "runs one trial at a time in this process; use --runner ray"
            )
        values = {
            "--cpus-per-trial": self.cpus_per_trial,
            "--gpus-per-trial": self.gpus_per_trial,
            "--memory-per-trial": self.memory_per_trial,
            "--address": self.address,
        }
        if flags := [flag for flag, value in values.items() if value is not None]:
            verb = "needs" if len(flags) == 1 else "need"
            raise UsageError(f"{' and '.join(flags)} {verb} --runner ray")
