"""What one experiment was asked to do, resolved: the content of settings.yaml."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from automl.errors import UsageError, nearest
from automl.experiment.resources import Resources
from automl.trial.budget import Budget
from automl.trial.objective import Objective

TRACKERS = ("mlflow", "none")


@dataclass(frozen=True)
class Settings:
    """Everything that a resume, a status or a rerun elsewhere needs to know."""

    skill: str
    policy: str
    objective: Objective
    budget: Budget
    seed: int
    spec: Mapping[str, Any]
    """The base spec, nested: what trial 0 trains."""
    route: Mapping[str, Any] = field(default_factory=dict)
    """The way that the request took, search or direct, and why; see `automl.skill.route.Route`."""
    more_objectives: tuple[Objective, ...] = ()
    """Those beside the first, which ranks the trials and chooses what is promoted."""
    algorithm: str = "random"
    options: Mapping[str, Any] = field(default_factory=dict)
    """The algorithm's own settings, as far as they were given."""
    confirm_seeds: int = 0
    """How often the best are trained again, each time with a fresh seed."""
    stop_rule: str = "off"
    """Whether little expected improvement ends the search: on or off."""
    fixed: tuple[str, ...] = ()
    """Keys that the user set and the search therefore leaves alone."""
    resources: Resources = field(default_factory=Resources)
    tracker: str = "mlflow"
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the data check found."""
    command: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.tracker not in TRACKERS:
            raise UsageError(
                f"--tracker: {self.tracker!r} is not one of {', '.join(TRACKERS)}"
                f"{nearest(self.tracker, TRACKERS)}"
            )

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives, the first one first."""
        return (self.objective, *self.more_objectives)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form; the inverse of `from_dict`."""
        content = asdict(self)
        content["objective"] = self.objective.to_dict()
        content["more_objectives"] = [o.to_dict() for o in self.more_objectives]
        return {**content, "fixed": list(self.fixed), "command": list(self.command)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Settings":
        """Build settings; raises `UsageError` naming all unknown and missing keys."""
        known = {f.name for f in fields(cls)}
        faults = [f"settings: unknown key {key!r}{nearest(key, known)}" for key in content
                  if key not in known]  # fmt: skip
        required = ("skill", "policy", "objective", "budget", "seed", "spec")
        faults += [f"settings: {key} is missing" for key in required if key not in content]
        if faults:
            raise UsageError(*faults)
        return cls(
            **{
                **content,
                "objective": Objective.from_dict(content["objective"]),
                "more_objectives": tuple(
                    Objective.from_dict(plain) for plain in content.get("more_objectives", ())
                ),
                "budget": Budget(**content["budget"]),
                "resources": Resources(**content.get("resources", {})),
                "fixed": tuple(content.get("fixed", ())),
                "command": tuple(content.get("command", ())),
            }
        )
