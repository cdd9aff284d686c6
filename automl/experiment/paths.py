"""The name and place of every file of an experiment."""

from dataclasses import dataclass
from pathlib import Path

from automl.errors import Fault, UsageError, closest, nearest

RUNS = Path("runs")
"""The folder of experiments, in which they are found by name."""


@dataclass(frozen=True)
class ExperimentPaths:
    """The files of an experiment, by name."""

    root: Path

    @property
    def settings(self) -> Path:
        """Resolved settings, enough to run the experiment again."""
        return self.root / "settings.yaml"

    @property
    def schema(self) -> Path:
        """The train schema that the experiment was made with."""
        return self.root / "schema.json"

    @property
    def space(self) -> Path:
        """The search space."""
        return self.root / "space.yaml"

    @property
    def journal(self) -> Path:
        """Every event in order: the truth."""
        return self.root / "journal.jsonl"

    @property
    def best(self) -> Path:
        """The best trial at the end."""
        return self.root / "best.json"

    @property
    def importance(self) -> Path:
        """Each parameter's share of the differences in the objective, written at the end."""
        return self.root / "importance.json"

    @property
    def importance_intervals(self) -> Path:
        """The interval in which each share of `importance` lies."""
        return self.root / "importance_intervals.json"

    @property
    def warm_start(self) -> Path:
        """Trials of earlier experiments that the search learns from."""
        return self.root / "warm_start.json"

    @property
    def transfer(self) -> Path:
        """Trials on other data sets that the search learns from."""
        return self.root / "transfer.json"

    @property
    def leaderboard(self) -> Path:
        """All trials with their values, best first."""
        return self.root / "leaderboard.csv"

    @property
    def report(self) -> Path:
        """The HTML report: all of the experiment in one file."""
        return self.root / "report.html"

    @property
    def data(self) -> Path:
        """Tables and pictures of the data, as the check before the first trial read it.

        A skill may keep what that check found there, so that a resume need not read all again.
        """
        return self.root / "data"

    @property
    def unfinished_data(self) -> Path:
        """The same while it is drawn: a user's own folder `data` is never taken for it."""
        return self.root / ".data"

    @property
    def suspects(self) -> Path:
        """Masks that are probably wrong, where somebody asked for them."""
        return self.root / "suspects"

    @property
    def mlflow(self) -> Path:
        """Addresses of the experiment's MLflow runs and of the page that compares its trials."""
        return self.root / "mlflow.json"

    @property
    def promoted(self) -> Path:
        """The promoted model and its proof."""
        return self.root / "promoted"

    @property
    def rejected(self) -> Path:
        """The model that failed its promotion, kept for inspection."""
        return self.root / "rejected"

    @property
    def requests(self) -> Path:
        """Requests by hand that the driver has not answered, a file each."""
        return self.root / "requests"

    @property
    def lock(self) -> Path:
        """Held by the one process that drives the experiment."""
        return self.root / ".lock"

    @property
    def tracking_database(self) -> Path:
        """MLflow's database, shared by the experiments beside this one."""
        return self.root.parent / "mlflow.db"

    @property
    def trials(self) -> Path:
        """The folders of the trials."""
        return self.root / "trials"

    @property
    def jobs(self) -> Path:
        """The database of jobs, shared by the experiments beside this one."""
        return self.root.parent / "jobs.db"

    def trial(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self.trials / f"{number:04d}"

    def beginnings(self) -> tuple[str, ...]:
        """Names of what is written before an experiment exists, settings.yaml last."""
        beginnings = (*self.beside_settings(), self.unfinished_data, self.settings)
        return tuple(path.name for path in beginnings)

    def beside_settings(self) -> tuple[Path, ...]:
        """The files whose checksums the settings hold; an experiment may lack some."""
        return (self.schema, self.space, self.warm_start, self.transfer)

    def exists(self) -> bool:
        """Whether there is an experiment in the folder."""
        return self.settings.exists()

    def is_half_begun(self) -> bool:
        """Whether a run was killed while it wrote the folder's first files."""
        return self.schema.exists() or self.space.exists() or any(self.root.glob(".schema.json.*"))


def experiment_folder(
    name: str | Path,
    runs: Path = RUNS,
    *,
    otherwise: str = "not an experiment folder",
    key: str = "EXPERIMENT",
) -> Path:
    """Return the folder of an experiment, given by its path or by its name in `runs`.

    Raises `UsageError` with the nearest name; `otherwise` says what else is none, `key` names the
    argument.
    """
    place = Path(name).expanduser()
    for path in (place, runs / name):
        if ExperimentPaths(path).exists():
            return path
    paths = ExperimentPaths(place)
    if paths.journal.exists():
        raise UsageError(
            f"{name}: settings.yaml is gone, but the journal of its trials is there; put it back "
            "from a copy, or start a new experiment in another folder"
        )
    if paths.is_half_begun():
        raise UsageError(
            f"{name}: the run was killed before its experiment began (there is no settings.yaml), "
            f"so there is nothing to lose; start it again: automl run ... --out {name}"
        )
    names = [path.name for path in runs.glob("*") if ExperimentPaths(path).exists()]
    word = Path(name).name
    raise UsageError(
        Fault(
            f"{name}: is {otherwise} (it has no settings.yaml){nearest(word, names)}",
            key=key,
            value=str(name),
            allowed=sorted(names),
            nearest=closest(word, names),
        )  # fmt: skip
    )
