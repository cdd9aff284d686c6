"""The files that every action writes: experiment.yaml at the start, status.json as it runs."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import yaml

from segformer.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.encryption import encryption_key_from


class StatusFile:
    """JSON lines, appended as events happen; keys have TAO's names where TAO has them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "status.json"

    def write(
        self,
        status: str,
        message: str,
        *,
        kpi: Mapping[str, float] | None = None,
        progress: Mapping[str, float] | None = None,
    ) -> None:
        """Append one line.

        Args:
            status: STARTED, RUNNING, SUCCESS or FAILURE.
            message: One sentence.
            kpi: Metrics.
            progress: epoch and step (counted from 1), max_epoch and max_step; time_per_epoch,
                time_per_step and eta in seconds.
        """
        now = datetime.now()
        line = {
            "date": now.strftime("%m/%d/%Y"),
            "time": now.strftime("%H:%M:%S"),
            "status": status,
            "verbosity": "ERROR" if status == "FAILURE" else "INFO",
            "message": message,
            **(progress or {}),
            **({"kpi": dict(kpi)} if kpi else {}),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@contextmanager
def started(action: str, spec: Spec, folder: Path) -> Iterator[StatusFile]:
    """Start an action in its folder: write its spec and STARTED, and set its encryption key.

    Any exception, including an interrupt or out of memory, is recorded as FAILURE and re-raised.
    The action itself records SUCCESS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    status = StatusFile(folder)
    status.write("STARTED", f"{action} starts")
    try:
        with replacing(folder / "experiment.yaml") as part:
            part.write_text(yaml.safe_dump(spec.model_dump(), sort_keys=False), encoding="utf-8")
        with encryption_key_from(spec.encryption_key):
            yield status
    except BaseException as error:
        status.write("FAILURE", f"{type(error).__name__}: {error}")
        raise
