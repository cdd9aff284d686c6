"""What was said about the search, by flags and by TAO's settings, brought together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.budget import UNLIMITED, Budget
from automl.errors import UsageError
from automl.search import algorithm_named
from automl.search.options import options_of, parse_options

DEFAULT_TRIALS = 20
"""As TAO's automl_max_recommendations."""


@dataclass(frozen=True)
class SearchFlags:
    """The search as it was asked for; None where nothing was said."""

    algorithm: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the algorithm, by our names or TAO's."""
    trials: int | None = None
    epochs: int | None = None
    concurrency: int | None = None
    budget_epochs: int | None = None
    time: str | None = None
    """As `2h`, `90m`, `1h30m` or `45s`."""

    def budget(self, epochs: int) -> Budget:
        """Return the budget of a search whose full trainings take so many epochs.

        Without any limit the trials are 20; one of epochs or time needs no other.
        """
        is_limited = self.budget_epochs is not None or self.time is not None
        trials = UNLIMITED if is_limited else DEFAULT_TRIALS
        return Budget(
            trials=trials if self.trials is None else self.trials,
            epochs=epochs,
            budget_epochs=self.budget_epochs,
            time_s=None if self.time is None else seconds(self.time),
        )

    def with_settings(self, more: Mapping[str, Any]) -> "SearchFlags":
        """Return the same with more settings; raises `UsageError` for one that is there already."""
        twice = [name for name in more if self.settings.get(name, more[name]) != more[name]]
        if twice:
            raise UsageError(*(f"{name}: is given twice with different values" for name in twice))
        return replace(self, settings={**self.settings, **more})

    def resolved(self) -> "SearchFlags":
        """Return the same with TAO's settings taken in, and the algorithm's full name.

        Raises `UsageError` for what is unknown, has no effect, or is said twice and disagrees.
        """
        parsed = parse_options(self.settings)
        said = dict(parsed.experiment)
        if "epochs" in said:
            said["epochs"] *= parsed.options.get("epoch_multiplier", 1)
        faults = [
            f"--{name} {flag} and --set {name}={said[name]} disagree; give one of them"
            for name in said
            if (flag := getattr(self, name, None)) is not None and flag != said[name]
        ]
        if faults:
            raise UsageError(*faults)

        def one(name: str) -> Any:
            return said.get(name, getattr(self, name))

        algorithm = algorithm_named(one("algorithm"))
        options_of(algorithm, parsed.options)
        return replace(
            self,
            algorithm=algorithm,
            settings=parsed.options,
            trials=one("trials"),
            epochs=one("epochs"),
            concurrency=one("concurrency"),
        )


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")


def seconds(text: str) -> float:
    """Return the seconds of a duration like `1h30m`; raises `UsageError` for another text."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise UsageError(f"--time: {text!r} is not a duration: give hours, minutes and seconds as "
                         "2h, 90m, 1h30m or 45s")  # fmt: skip
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return float(hours * 3600 + minutes * 60 + rest)
