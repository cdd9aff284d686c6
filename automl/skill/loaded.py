"""A skill together with the facts of its skill_info.yaml."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from automl.errors import Fault, UsageError
from automl.schema.schema import Schema
from automl.skill.base import (
    ComparingSkill,
    Comparison,
    DataReportingSkill,
    DataSkill,
    DeviceSkill,
    DoctorSkill,
    FileReportingSkill,
    InitialWeights,
    MeasuringSkill,
    ModelSkill,
    OfferingSkill,
    PackagingSkill,
    PathsSkill,
    PreloadingSkill,
    PretrainedSkill,
    ReadingSkill,
    RecheckingSkill,
    RecordingSkill,
    RefiningSkill,
    ReportMetrics,
    Result,
    ServedModel,
    ServingSkill,
    Skill,
    TimedSkill,
)
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo, schema_path
from automl.space.overlay.named import NamedChoices, named_choices

_DATA_VERBS = ("import_data", "split_data", "show_data")


@dataclass(frozen=True)
class LoadedSkill:
    """A skill of any kind, with `info`. Its verbs are those of `automl.skill.base.Skill`."""

    skill: Skill

    @cached_property
    def info(self) -> SkillInfo:
        """The skill's skill_info.yaml; read on first use, as `generate` needs none."""
        return SkillInfo.read(self.folder)

    @property
    def name(self) -> str:
        """The skill's own name."""
        return self.skill.name

    @property
    def folder(self) -> Path:
        """The folder of schemas/ and references/."""
        return self.skill.folder

    def spec_keys(self) -> set[str]:
        """Return the keys of the spec of a training, short names included."""
        path = schema_path(self.folder, "train")
        return {*self.info.shorthand, *(Schema.read(path).fields if path.exists() else ())}

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:  # noqa: D102
        return self.skill.resolve(action, overrides)

    def check(  # noqa: D102
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> Mapping[str, Any]:
        return self.skill.check(spec, progress=progress)

    def check_again(
        self,
        spec: dict[str, Any],
        folder: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Mapping[str, Any]:
        """Return what `check` does, by what an earlier one kept, if any; see `RecheckingSkill`."""
        if not hasattr(self.skill, "check_again"):
            return self.skill.check(spec, progress=progress)
        return cast(RecheckingSkill, self.skill).check_again(spec, folder, progress=progress)

    def read_values(self, action: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a user's values as the schema has them; see `ReadingSkill`."""
        if not hasattr(self.skill, "read_values"):
            return dict(values)
        with faults_of_the_user():
            return cast(ReadingSkill, self.skill).read_values(action, values)

    def check_devices(self, spec: dict[str, Any]) -> None:
        """Raise for devices that this machine lacks, if the skill knows; see `DeviceSkill`."""
        if hasattr(self.skill, "check_devices"):
            cast(DeviceSkill, self.skill).check_devices(spec)

    def preload(self) -> None:
        """Import what a training needs, if the skill says what; see `PreloadingSkill`."""
        if hasattr(self.skill, "preload"):
            cast(PreloadingSkill, self.skill).preload()

    def reported_epoch(self, folder: Path) -> int | None:
        """Return the epoch that a training resumed in a folder repeats from its file of reports.

        None if it left none, or reports in no file; see `FileReportingSkill`.
        """
        if not hasattr(self.skill, "reported_epoch"):
            return None
        return cast(FileReportingSkill, self.skill).reported_epoch(folder)

    def beginnings(self, action: str) -> Collection[str]:
        """Return the files that an action may leave without a result; see `RecordingSkill`."""
        if not hasattr(self.skill, "beginnings"):
            return ()
        return cast(RecordingSkill, self.skill).beginnings(action)

    def initial_weights(
        self,
        weights: str | None,
        values: Mapping[str, Any],
        *,
        searched: Collection[str],
        may_download: bool,
    ) -> InitialWeights | None:
        """Return what a model starts from, None of a skill that knows no weights.

        `weights` is None if nobody asked; see `PretrainedSkill`. Raises `UsageError` if weights are
        asked of a skill that knows none.
        """
        if hasattr(self.skill, "initial_weights"):
            return cast(PretrainedSkill, self.skill).initial_weights(
                weights or "auto", values, searched=searched, may_download=may_download
            )
        if weights is not None or may_download:
            flag = "--download" if weights is None else "--weights"
            raise UsageError(Fault(f"{flag}: {self.name} knows no weights; leave it out", key=flag))
        return None

    def report_data(self, spec: dict[str, Any], folder: Path) -> None:
        """Write what a report shows of the data, if the skill does; see `DataReportingSkill`."""
        if hasattr(self.skill, "report_data"):
            cast(DataReportingSkill, self.skill).report_data(spec, folder)

    def run(  # noqa: D102
        self,
        action: str,
        spec: dict[str, Any],
        folder: Path,
        report: ReportMetrics | None = None,
    ) -> Result:
        return self.skill.run(action, spec, folder, report)

    def sample(self, folder: Path, *, seed: int, kind: str | None = None) -> None:  # noqa: D102
        self.skill.sample(folder, seed=seed, kind=kind)

    def generate(self, folder: Path) -> list[Path]:  # noqa: D102
        return self.skill.generate(folder)

    @property
    def data(self) -> DataSkill:
        """The skill's commands on data; raises `UsageError` if it has none."""
        if not all(hasattr(self.skill, verb) for verb in _DATA_VERBS):
            raise UsageError(f"--skill: {self.name} has no commands on data")
        return cast(DataSkill, self.skill)

    def named_choices(
        self,
        weights: str | None = None,
        values: Mapping[str, Any] = MappingProxyType({}),
        *,
        may_download: bool = False,
    ) -> dict[str, NamedChoices]:
        """Return the named choices that the skill offers beside values of the user's.

        `weights` is None if nobody asked; see `OfferingSkill`. Most skills offer none.
        """
        if not hasattr(self.skill, "named_choices"):
            return {}
        skill = cast(OfferingSkill, self.skill)
        offered = skill.named_choices(weights or "auto", values, may_download=may_download)
        return {
            key: named_choices(key, words, may_override=False, source=f"skill {self.name}")
            for key, words in offered.items()
        }

    def refine(
        self, kind: str, spec: dict[str, Any], checkpoints: Sequence[Path], target: Path
    ) -> Path:
        """Write a refined checkpoint; only of a skill whose skill_info.yaml has `refinements`."""
        return cast(RefiningSkill, self.skill).refine(kind, spec, checkpoints, target)

    def compare(
        self, kind: str, spec: dict[str, Any], old: Path, new: Path, *, split: str
    ) -> Comparison:
        """Compare a refined checkpoint with the one before; see `RefiningSkill`."""
        return cast(RefiningSkill, self.skill).compare(kind, spec, old, new, split=split)

    def compare_evaluations(self, metric: str, old: Path, new: Path) -> Comparison | None:
        """Compare two evaluations, None if the skill cannot; see `ComparingSkill`.

        Raises `UsageError` for files that cannot be compared.
        """
        if not hasattr(self.skill, "compare_evaluations"):
            return None
        with faults_of_the_user():
            return cast(ComparingSkill, self.skill).compare_evaluations(metric, old, new)

    def package(self, name: str, models: Mapping[str, Path], folder: Path) -> Sequence[Path]:
        """Write a package of models; only of a skill whose skill_info.yaml has `packages`."""
        return cast(PackagingSkill, self.skill).package(name, models, folder)

    @property
    def doctor(self) -> DoctorSkill:
        """The skill's doubts about labels; raises `UsageError` if it has none."""
        if not all(hasattr(self.skill, verb) for verb in ("suspects", "label_queue")):
            raise UsageError(f"{self.name} ranks no labels")
        return cast(DoctorSkill, self.skill)

    def served_model(self, path: Path) -> ServedModel:
        """Load a model to be served; raises `UsageError` if the skill cannot."""
        if not hasattr(self.skill, "served_model"):
            raise UsageError(f"{self.name}: its models cannot be served")
        return cast(ServingSkill, self.skill).served_model(path)

    def data_folder(self, content: Mapping[str, Any]) -> Path:
        """Return a folder for data that is given by paths; raises `UsageError`."""
        if not hasattr(self.skill, "data_folder"):
            raise UsageError(f"data: {self.name} takes a folder, not paths of splits")
        with faults_of_the_user():
            return cast(PathsSkill, self.skill).data_folder(content)

    def load_model(self, path: Path) -> Callable[[Any], Any]:
        """Return a model for use from Python; raises `UsageError` if the skill loads none."""
        if not hasattr(self.skill, "load_model"):
            raise UsageError(f"{self.name} loads no models in Python; use automl predict")
        with faults_of_the_user():
            return cast(ModelSkill, self.skill).load_model(path)

    @property
    def times_epochs(self) -> bool:
        """Whether the skill can time an epoch before a training."""
        return hasattr(self.skill, "pace")

    def pace(self, spec: dict[str, Any], *, threads: int, at_once: int) -> Mapping[str, float]:
        """Return the seconds of start and epoch; only of a skill that `times_epochs`."""
        return cast(TimedSkill, self.skill).pace(spec, threads=threads, at_once=at_once)

    def measure(self, spec: dict[str, Any], names: Collection[str]) -> Mapping[str, float]:
        """Return costs of a spec's model; only of a skill whose skill_info.yaml has `costs`."""
        return cast(MeasuringSkill, self.skill).measure(spec, names)
