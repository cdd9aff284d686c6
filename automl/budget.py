"""How much a search may spend."""

from dataclasses import dataclass

from automl.errors import UsageError


@dataclass(frozen=True)
class Budget:
    """Trials of an experiment and epochs of a full training."""

    trials: int
    epochs: int

    def __post_init__(self) -> None:
        for name, value in (("trials", self.trials), ("epochs", self.epochs)):
            if value < 1:
                raise UsageError(f"--{name}: {value} is not allowed: must be 1 or more")
