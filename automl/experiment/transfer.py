"""The trials on other data sets that a search learns from, in its experiment's folder.

They come from the skill, of which another version may have others.
"""

import json
from collections.abc import Sequence

from automl.experiment.paths import ExperimentPaths
from automl.files import json_text, write_atomic
from automl.trial.numbers import number_from_json
from automl.trial.trial import TransferTrial


def write_transfer(paths: ExperimentPaths, trials: Sequence[TransferTrial]) -> None:
    """Write the trials into the experiment's folder."""
    rows = [{"values": trial.values, "losses": list(trial.losses)} for trial in trials]
    write_atomic(paths.transfer, json_text(rows) + "\n")


def read_transfer(paths: ExperimentPaths) -> list[TransferTrial]:
    """Return the trials in an experiment's folder; the inverse of `write_transfer`."""
    if not paths.transfer.exists():
        return []
    return [
        TransferTrial(row["values"], tuple(number_from_json(loss) for loss in row["losses"]))
        for row in json.loads(paths.transfer.read_text(encoding="utf-8"))
    ]
