"""Compares two registered versions of a model by what their evaluations counted of each image."""

import tempfile
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient

from automl.errors import UsageError
from automl.skill.base import Comparison
from automl.skill.installed import load_skill
from automl.tracking.registry import Standing


def compared(client: MlflowClient, name: str, old: str, new: str) -> Comparison | None:
    """Compare two versions; None if the skill of the new one cannot.

    Raises `UsageError` if it can, but not these.
    """
    versions = {number: client.get_model_version(name, number) for number in (old, new)}
    standings = {number: Standing.from_tags(own.tags or {}) for number, own in versions.items()}
    newer = standings[new]
    if not newer.image_counts or not newer.skill:
        return None
    if not standings[old].image_counts:
        raise UsageError(
            f"version {old} was registered without the counts of its images; promote its "
            "experiment again"
        )
    skill = load_skill(newer.skill)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, version in versions.items():
            files.append(_fetched(client, version, standings[number], Path(folder, number)))
        return skill.compare_evaluations(newer.metric, *files)


def _fetched(client: MlflowClient, version: ModelVersion, standing: Standing, folder: Path) -> Path:
    folder.mkdir()
    return Path(client.download_artifacts(str(version.run_id), standing.image_counts, str(folder)))
