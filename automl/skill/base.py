"""The interface of a skill: its verbs and their results."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

ReportMetrics = Callable[[int, dict[str, float]], str]
"""Called with an epoch counted from 1 and its metrics; answers continue, pause or stop."""


class Result(Protocol):
    """The result of an action: files by name and metrics by name."""

    @property
    def artifacts(self) -> Mapping[str, Path]: ...  # noqa: D102

    @property
    def metrics(self) -> Mapping[str, float]: ...  # noqa: D102


class Skill(Protocol):
    """Something that can be trained. Its errors carry a `kind`; see `failure_kind`."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def folder(self) -> Path: ...  # noqa: D102

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole spec of an action: template, what the data says, then `overrides`."""
        ...

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Any]:
        """Check the data of a train spec before any training and return a summary of it."""
        ...

    def run(
        self,
        action: str,
        spec: dict[str, Any],
        folder: Path,
        report: ReportMetrics | None = None,
    ) -> Result:
        """Run an action in a folder of its own; a training resumes from its last checkpoint."""
        ...

    def sample(self, folder: Path, *, seed: int, kind: str | None = None) -> None:
        """Write a generated data set, of a kind that the skill names or of its default one."""
        ...

    def generate(self, folder: Path) -> list[Path]:
        """Write the skill's schemas, templates and skill_info.yaml from its spec classes."""
        ...


class DataReport(Protocol):
    """The result of a command on data."""

    def to_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def text(self) -> str: ...  # noqa: D102


class ShownData(DataReport, Protocol):
    """A summary of a data set."""

    @property
    def faults(self) -> Sequence[str]:
        """Lines on what cannot be used; empty if everything can."""
        ...

    @property
    def leak_lines(self) -> Sequence[str]:
        """Lines on images that show the same as others; empty if there are none."""
        ...


class DataSkill(Protocol):
    """A skill that imports, splits and shows data sets."""

    def import_data(
        self,
        kind: str,
        source: Path,
        target: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> DataReport:
        """Convert a data set of a kind, or "auto", to the layout that the skill reads."""
        ...

    def split_data(
        self,
        folder: Path,
        *,
        val: float,
        test: float,
        by: str,
        seed: int,
        is_strict: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> DataReport:
        """Hold out shares of a folder's images for validation and test."""
        ...

    def show_data(
        self,
        folder: Path,
        *,
        html: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ShownData:
        """Summarise a data set, and draw it on a page."""
        ...


class DataReportingSkill(Protocol):
    """A skill that shows the data of a training."""

    def report_data(self, spec: dict[str, Any], folder: Path) -> None:
        """Write folders with a report.json each, after `check` of the same spec."""
        ...


class RecheckingSkill(Protocol):
    """A skill that keeps what it found in data, and need not read it all again."""

    def check_again(
        self,
        spec: dict[str, Any],
        folder: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Mapping[str, Any]:
        """Return what `check` does; `folder` is that of `report_data`, and may be missing."""
        ...


class DoctorSkill(Protocol):
    """A skill that doubts labels, and chooses what to label next."""

    def suspects(
        self,
        spec: dict[str, Any],
        folder: Path,
        *,
        model: Path | None = None,
        folds: int = 0,
        epochs: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> DataReport:
        """Rank the masks that are probably wrong, by a model or by trainings without them."""
        ...

    def label_queue(
        self,
        spec: dict[str, Any],
        images: Path,
        folder: Path,
        *,
        model: Path,
        count: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> DataReport:
        """Choose unlabelled images of a folder to label next."""
        ...


class Prediction(Protocol):
    """What a model says of one picture."""

    def mask(self) -> bytes:
        """Return the class ids as a PNG file."""
        ...

    def overlay(self) -> bytes:
        """Return the picture under the colours of its classes as a PNG file."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form: width, height, and `classes` with their shares."""
        ...


class ServedModel(Protocol):
    """A loaded model."""

    def facts(self) -> Mapping[str, Any]:
        """Return what a user of the service may know of the model."""
        ...

    def predict(self, pictures: Sequence[bytes]) -> Sequence[Prediction | Exception]:
        """Return the prediction of each picture file, or why there is none."""
        ...


class ServingSkill(Protocol):
    """A skill whose models can be served."""

    def served_model(self, path: Path) -> ServedModel:
        """Load a model."""
        ...


class RecognisingSkill(Protocol):
    """A skill that can tell its models from others."""

    def wrote(self, model: Path) -> bool:
        """Whether a file is a model of this skill."""
        ...


class PathsSkill(Protocol):
    """A skill whose data can be given by paths instead of a folder."""

    def data_folder(self, content: Mapping[str, Any]) -> Path:
        """Return a folder that names the paths of each split."""
        ...


class ReadingSkill(Protocol):
    """A skill that reads values in other ways than its schema has them."""

    def read_values(self, action: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a user's values by dotted key as the schema has them: references resolved."""
        ...


class DeviceSkill(Protocol):
    """A skill that knows before a training whether this machine has its devices."""

    def check_devices(self, spec: dict[str, Any]) -> None:
        """Raise an error of kind usage for devices that this machine does not have."""
        ...


class FileReportingSkill(Protocol):
    """A skill whose training reports in a file, the last line of which a resume repeats."""

    def reported_epoch(self, folder: Path) -> int | None:
        """Return the last epoch in the file of a training's folder, None if there is none."""
        ...


class RecordingSkill(Protocol):
    """A skill whose actions write records, such as a log, before their first result."""

    def beginnings(self, action: str) -> Collection[str]:
        """Return the names of all such files of an action: one that failed may leave them."""
        ...


class PreloadingSkill(Protocol):
    """A skill whose training imports libraries that take seconds to load."""

    def preload(self) -> None:
        """Import what a training needs; called in a worker that waits for its first task."""
        ...


class OfferingSkill(Protocol):
    """A skill that offers named choices for its space."""

    def named_choices(
        self, weights: str, values: Mapping[str, Any], *, may_download: bool
    ) -> Mapping[str, Mapping[str, Any]]:
        """Return, by name of a parameter, `choices` as an overlay writes them: set and search.

        They agree with `weights` and `values` of the user, as for `initial_weights`, where they
        need not be named.
        """
        ...


class InitialWeights(Protocol):
    """What a model starts from."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Values of the spec by dotted key; empty: its own."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """Texts by name, among them source and licence; empty if nothing was chosen."""
        ...

    @property
    def note(self) -> str | None:
        """One line for people."""
        ...


class PretrainedSkill(Protocol):
    """A skill that knows public weights of its models."""

    def initial_weights(
        self,
        weights: str,
        values: Mapping[str, Any],
        *,
        searched: Collection[str],
        may_download: bool,
    ) -> InitialWeights:
        """Return what a model starts from: auto, none, a name or a file.

        `values` are those of the user by dotted key, which stay; `searched` are keys that a search
        varies. Raises an error of kind usage for weights that cannot be had.
        """
        ...


class ModelSkill(Protocol):
    """A skill whose models can be used from Python."""

    def load_model(self, path: Path) -> Callable[[Any], Any]:
        """Return a promoted model: called with an input, such as an image, it predicts."""
        ...


class Comparison(Protocol):
    """A metric of two models on the same images, and the bounds of the difference."""

    @property
    def before(self) -> float: ...  # noqa: D102

    @property
    def after(self) -> float: ...  # noqa: D102

    @property
    def low(self) -> float: ...  # noqa: D102

    @property
    def high(self) -> float: ...  # noqa: D102

    @property
    def images(self) -> int:
        """Images over which the bounds were found."""
        ...


class ComparingSkill(Protocol):
    """A skill whose evaluate has the artifact `image_counts`: what it counted of each image."""

    def compare_evaluations(self, metric: str, old: Path, new: Path) -> Comparison:
        """Compare two evaluations by these files.

        Raises an error of kind usage for files that cannot be compared by this metric.
        """
        ...


class RefiningSkill(Protocol):
    """A skill whose skill_info.yaml has `refinements`."""

    def refine(
        self, kind: str, spec: dict[str, Any], checkpoints: Sequence[Path], target: Path
    ) -> Path:
        """Write a better checkpoint of some, the best first, and return it.

        `spec` is that of the best training. Raises an error of kind usage for checkpoints that
        cannot be refined so.
        """
        ...

    def compare(
        self, kind: str, spec: dict[str, Any], old: Path, new: Path, *, split: str
    ) -> Comparison:
        """Compare the objective of a refined checkpoint with that of the one before.

        The bounds leave out the validation images that the refinement was tuned on.
        """
        ...


class TimedSkill(Protocol):
    """A skill that knows before a training how long it takes."""

    def pace(self, spec: dict[str, Any], *, threads: int, at_once: int) -> Mapping[str, float]:
        """Return `start_s` and `epoch_s`, measured by a few steps on this machine; keep nothing.

        The seconds of a new process up to its first step, and those of an epoch with all that is
        done after it. Each training runs on `threads` threads, beside `at_once` - 1 others.
        """
        ...


class PackagingSkill(Protocol):
    """A skill whose skill_info.yaml has `packages`."""

    def package(self, name: str, models: Mapping[str, Path], folder: Path) -> Sequence[Path]:
        """Write a package of promoted models into a new folder, and return its parts.

        `models` are files by kind: onnx, and those of int8 and engine that were made. Raises an
        error of kind usage for models that the package cannot hold.
        """
        ...


class MeasuringSkill(Protocol):
    """A skill whose skill_info.yaml has `costs`."""

    def measure(self, spec: dict[str, Any], names: Collection[str]) -> Mapping[str, float]:
        """Return costs of a spec's model, without training it."""
        ...
