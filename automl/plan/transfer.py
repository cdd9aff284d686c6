"""Whether a new search can learn from the trials on other data sets that its skill brings."""

from automl.experiment.settings import Settings
from automl.search.options import OPTIONS, options_of
from automl.skill.info import SkillInfo
from automl.skill.transfer import TransferTable
from automl.space.space import SearchSpace
from automl.trial.trial import TransferTrial

MIN_SHARED = 0.5
"""Share of a space's parameters that the trials must have."""


def transfer_trials(
    info: SkillInfo, settings: Settings, space: SearchSpace
) -> tuple[TransferTrial, ...]:
    """Return the skill's trials on other data sets; none where a search cannot learn from them.

    They are of use to `auto`, for the objective that they were measured by, and where they have at
    least half of the parameters that are searched. Raises `UsageError` for a file that is no
    table of trials.
    """
    algorithm = settings.algorithm
    if algorithm not in OPTIONS["transfer"].algorithms or len(settings.objectives) > 1:
        return ()
    is_off = options_of(algorithm, settings.algorithm_options)["transfer"] == "none"
    if info.transfer is None or is_off:
        return ()
    table = TransferTable.read(info.path.parent / info.transfer)
    measured, asked = table.objective, settings.objective
    if (measured.metric, measured.mode) != (asked.metric, asked.mode):
        return ()
    shared = len(table.keys & set(space.parameters))
    return table.trials if shared >= MIN_SHARED * len(space.parameters) else ()
