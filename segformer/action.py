"""The files that every action writes: experiment.yaml at the start, status.json as it runs."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import yaml

from segformer.errors import SpecError
from segformer.spec import Spec
from segformer.storage.atomic import replacing
from segformer.storage.encryption import encryption_key_from
from segformer.storage.records import SPEC_FILE, STATUS_FILE

_STARTS = " starts"


class StatusFile:
    """JSON lines, appended as events happen; keys have TAO's names where TAO has them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / STATUS_FILE

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
            status: STARTED, RUNNING, SUCCESS, SKIPPED or FAILURE.
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

    def actions(self) -> set[str]:
        """Return the actions with results in this folder; one that only failed has none."""
        actions, action = set(), ""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        for text in lines:
            with suppress(ValueError):  # A kill may have cut a line.
                line = json.loads(text)
                if line.get("status") == "STARTED":
                    action = str(line["message"]).removesuffix(_STARTS)
                elif line.get("status") in ("RUNNING", "SUCCESS"):
                    actions.add(action)
        return actions


@contextmanager
def started(
    action: str,
    spec: Spec,
    folder: Path,
    *,
    keeps_spec: bool = False,
    replaces: Sequence[str] = (),
) -> Iterator[StatusFile]:
    """Start an action in its folder: write its spec and STARTED, and set its encryption key.

    With `keeps_spec` the experiment.yaml of an earlier run stays, because its results do;
    `replaces` names the files and folders of an earlier run that do not outlive its spec. Any
    exception, including an interrupt or out of memory, is recorded as FAILURE and re-raised. The
    action itself records SUCCESS. Raises `SpecError` for a folder with results of another action.
    """
    folder.mkdir(parents=True, exist_ok=True)
    status = StatusFile(folder)
    _check_action(action, folder, status)
    for name in replaces if status.actions() else ():
        _remove(folder / name)
    status.write("STARTED", f"{action}{_STARTS}")
    try:
        if not keeps_spec:
            write_spec(spec, folder)
        with encryption_key_from(spec.encryption_key):
            yield status
    except BaseException as error:
        status.write("FAILURE", f"{type(error).__name__}: {error}")
        raise


def write_spec(spec: Spec, folder: Path) -> None:
    """Write experiment.yaml."""
    text = yaml.safe_dump(spec.model_dump(), sort_keys=False)
    with replacing(folder / SPEC_FILE) as part:
        part.write_text(text, encoding="utf-8")


def _check_action(action: str, folder: Path, status: StatusFile) -> None:
    """Refuse a folder of another action: one experiment.yaml cannot describe both results."""
    if others := status.actions() - {action}:
        names = ", ".join(sorted(others))
        raise SpecError(
            f"{folder}: holds the results of {names}; give another {action}.results_dir"
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
