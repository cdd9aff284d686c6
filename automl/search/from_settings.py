"""Makes the searcher of an experiment from its settings."""

from collections.abc import Sequence

from automl.experiment.settings import Settings
from automl.search.algorithms import make_searcher
from automl.search.base import OpenSearcher
from automl.skill.info import SkillInfo
from automl.space.space import SearchSpace
from automl.trial.trial import PastTrial, TransferTrial


def searcher_of(
    settings: Settings,
    space: SearchSpace,
    info: SkillInfo,
    past: Sequence[PastTrial] = (),
    transfer: Sequence[TransferTrial] = (),
) -> OpenSearcher:
    """Return a new searcher that has seen nothing but the earlier trials, on this or other data."""
    return make_searcher(
        settings.algorithm,
        space,
        settings.objectives,
        settings.budget,
        seed=settings.seed,
        algorithm_options=settings.algorithm_options,
        past=past,
        transfer=transfer,
        stops_when_flat=settings.stop_rule == "on",
        kept=[
            key for key in space.parameters if any(map(info.has_cost_of, settings.spec_keys(key)))
        ],
    )
