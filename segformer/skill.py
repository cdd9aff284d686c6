"""The skill for AutoML: resolve a spec, check its data, run an action. Loads no torch."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import yaml

from segformer.data.dataset_schema import dataset_schema
from segformer.data.description import described
from segformer.describe.deploy_text import ACTIONS as DEPLOY_ACTIONS
from segformer.describe.deploy_text import deploy_template, deploy_text
from segformer.describe.schema import json_text, manifest, schema, sections_of, template
from segformer.describe.skill_info import skill_info
from segformer.errors import CheckpointError, DataError, SpecError
from segformer.parallel.devices import chosen_devices, has_driver
from segformer.result import Report, Result
from segformer.spec import ACTIONS, Spec, parse
from segformer.spec.backbones import PACKAGE, is_hub_name
from segformer.spec.fields import path_keys
from segformer.spec.keys import full_keys, inputs
from segformer.spec.overrides import flattened, nested
from segformer.spec.references import with_references_resolved
from segformer.spec.tao import (
    MISSING,
    none_faults,
    old_spec_fault,
    without_nulls,
    without_tao_defaults,
)
from segformer.storage.key import reference_from_key
from segformer.storage.location import Location, is_remote
from segformer.storage.records import BEGINNINGS
from segformer.storage.step_file import StepFile

if TYPE_CHECKING:
    from segformer.api import LoadedModel
    from segformer.data.check import DataCheck
    from segformer.data.convert import ImportReport
    from segformer.data.divide import SplitReport
    from segformer.data.summary import DataSummary
    from segformer.evaluation.image_counts import Comparison
    from segformer.evaluation.served import SegmentationModel
    from segformer.model.initial_weights import InitialWeights
    from segformer.spec.sections.dataset import DatasetSegment
    from segformer.suspects.queue import Queue
    from segformer.suspects.ranking import Suspects

_log = logging.getLogger(__name__)

_ROOT = "dataset.segment.root_dir"
_KEY = "encryption_key"
_BACKBONE_WEIGHTS = "model.backbone.pretrained_backbone_path"
_PATHS = tuple(path_keys(Spec))
_MODELS = (".ckpt", ".safetensors", ".onnx", ".pth", ".engine")
_DEFAULTS = dict(flattened(Spec().model_dump()))


_PROGRAMS = {
    "train": ("segformer.training.loop", "train"),
    "evaluate": ("segformer.evaluation.evaluate", "evaluate"),
    "inference": ("segformer.evaluation.inference", "infer"),
    "export": ("segformer.export.onnx", "export"),
    "quantize": ("segformer.quantization.quantize", "quantize"),
    "gen_trt_engine": ("segformer.engine.engine", "gen_trt_engine"),
}
"""Module and function of each action; loaded when it runs."""


class SegformerSkill:
    """The entry point `segformer` of the group `automl.skills`."""

    name = "segformer"
    folder = Path(__file__).parent
    """Holds references/ and schemas/."""

    def __init__(self) -> None:
        self._checked: DataCheck | None = None
        self._credentials: dict[str, Location] = {}
        """Locations with the credentials that the user gave, by clean address; never written."""

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole spec of an action: defaults, then dataset.json, then `overrides`.

        `overrides` are values by dotted key or short name. Paths become absolute. Keys of another
        action's section are checked and left out. An encryption key moves into the environment,
        where child processes find it, and the spec names its variable. Addresses lose their
        credentials, which this skill keeps in memory, and are pinned to the present files.

        Raises `SpecError` with every fault of keys, values and files, and `DataError` for a
        dataset.json that is not understood.
        """
        _check_action(action)
        given = self._read(overrides)
        values = {key: value for key, value in given.items() if value != MISSING}
        if isinstance(key := values.get(_KEY), str):
            values[_KEY] = reference_from_key(key)
        if any(is_remote(values.get(key)) for key in _PATHS):
            from segformer.storage.staging import pin_inputs

            values = pin_inputs(
                values,
                paths=_PATHS,
                inputs=inputs(action, values),
                data_set_key=_ROOT,
                credentials=self._credentials,
            )
        flat, notes = without_tao_defaults({**_from_data_set(action, values), **values}, _DEFAULTS)
        for key, note in notes.items():
            if key.split(".")[0] in sections_of(action):
                _log.warning("%s: %s", key, note)
        faults: list[str] = []
        try:
            spec = parse(nested(flat)).model_dump()
        except SpecError as error:
            faults += error.faults
            spec = {}
        flat = {**flat, **dict(flattened(spec))}
        if action != "train":
            # Those of a training, of which a fine-tuning for 8 bits takes the other settings.
            flat |= {key: "" for key in _PATHS if key.startswith("train.")}
        files = inputs(action, flat)
        faults += [f for key, needed in files.items() for f in _file_faults(flat, key, needed)]
        sections = sections_of(action)
        faults += [
            f"{key}: must be a local path, not {flat[key]}"
            for key in _PATHS
            if key not in files and key.split(".")[0] in sections and is_remote(flat.get(key))
        ]
        if faults:
            raise SpecError(faults)
        for key in _PATHS:
            if flat[key] and not is_remote(flat[key]) and not _is_name(key, flat[key]):
                flat[key] = str(Path(flat[key]).expanduser().absolute())
        whole = nested(flat)
        return {section: whole[section] for section in sections}

    def read_values(self, action: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a user's values as the schema of an action has them; raises `SpecError`.

        References are resolved, and a null that is no value is left out. Sections of other actions
        are left out with a line on stderr, after their keys and values have been checked.
        """
        flat = self._read(values)
        others = set(ACTIONS) - set(sections_of(action))
        foreign = {key: value for key, value in flat.items() if key.split(".")[0] in others}
        kept, _ = without_tao_defaults(foreign, _DEFAULTS)
        parse(nested({key: value for key, value in kept.items() if value != MISSING}))
        for section in sorted({key.split(".")[0] for key in foreign}):
            _log.warning("%s: this section has no effect on %s", section, action)
        return {key: value for key, value in flat.items() if key not in foreign}

    @staticmethod
    def _read(values: Mapping[str, Any]) -> dict[str, Any]:
        flat = without_nulls(with_references_resolved(full_keys(values)), _DEFAULTS)
        if old := old_spec_fault(flat):
            raise SpecError(old)
        if faults := none_faults(flat, (*_PATHS, _KEY)):
            raise SpecError(faults)
        return flat

    def initial_weights(
        self,
        weights: str,
        values: Mapping[str, Any],
        *,
        searched: Collection[str] = (),
        may_download: bool = False,
    ) -> "InitialWeights":
        """Return what the encoder starts from; see `segformer.model.initial_weights`.

        `values` are those that the user set, by dotted key or short name; `searched` are keys.
        """
        from segformer.model.initial_weights import Wish, initial_weights

        own, gpu = full_keys(values), has_driver()
        return initial_weights(Wish(weights, own, searched, may_download, has_gpu=gpu))

    def named_choices(
        self, weights: str = "auto", values: Mapping[str, Any] = MappingProxyType({}),
        *, may_download: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Return the choices that a search may make by name; see `segformer.model.starts`.

        `weights` and `values` are those of the user, as for `initial_weights`.
        """
        from segformer.model.initial_weights import Wish
        from segformer.model.starts import starts

        own = full_keys(values)
        wish = Wish(weights, own, may_download=may_download, has_gpu=has_driver())
        return {"start": {"choices": starts(wish)}}

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Any]:
        """Read all the data of a spec; see `segformer.data.check.check_data`.

        What it found last is kept for `report_data`.
        """
        from segformer.data.check import check_data

        with self._data_to_check(spec, progress) as segment:
            self._checked = check_data(segment, progress=progress)
        return self._checked.record

    def check_again(
        self,
        spec: dict[str, Any],
        folder: Path | None = None,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Return what `check` does, by what `report_data` kept in `folder`, or else the cache."""
        from segformer.data.check import check_again
        from segformer.data.kept_check import FILE

        with self._data_to_check(spec, progress) as segment:
            kept = None if folder is None else folder / FILE
            return check_again(segment, kept, progress=progress)

    @contextmanager
    def _data_to_check(
        self, spec: dict[str, Any], progress: Callable[[int, int], None] | None
    ) -> Iterator["DatasetSegment"]:
        """Give the settings of a spec's data on this machine."""
        address = parse(spec).dataset.segment.root_dir
        here = parse(self._staged(spec, is_checked=True, progress=progress)).dataset.segment
        try:
            yield here
        except DataError as error:
            # Faults name the files where the user has them.
            raise DataError(
                f.replace(here.root_dir, _clean(address)) for f in error.faults
            ) from None

    def report_data(self, spec: dict[str, Any], folder: Path) -> None:
        """Write tables and pictures of a train spec's data; see `segformer.data.summary_report`.

        A split that the check has made is kept now, before trials at once would make it. What the
        check found is kept for `check_again`.
        """
        from segformer.data.kept_check import FILE
        from segformer.data.split_file import kept
        from segformer.data.summary_report import write_summary_report

        if self._checked is None:
            self.check(spec)
        assert self._checked is not None
        if self._checked.held_out is not None:
            kept(self._checked.held_out)
        self._checked.kept.write(folder / FILE)
        write_summary_report(self._checked.summary, folder, seed=parse(spec).train.seed)

    def check_image_size(self, action: str, spec: dict[str, Any]) -> None:
        """Raise `SpecError` if a spec's image size is not that of the model that is run."""
        if action in ("evaluate", "inference", "quantize"):
            from segformer.evaluation.image_size import check_image_size

            check_image_size(action, parse(self._staged(spec)))

    def beginnings(self, action: str) -> Sequence[str]:
        """Return the names of the files that an action writes before its first result."""
        _check_action(action)
        return BEGINNINGS

    def check_devices(self, spec: dict[str, Any]) -> None:
        """Raise `SpecError` for devices of a training that this machine does not have."""
        train = parse(spec).train
        if not has_driver():
            chosen_devices("train", train, train.num_gpus, present=0)
        elif train.accelerator != "cpu":
            from segformer.parallel.topology import topology_of

            topology_of("train", train)

    def preload(self) -> None:
        """Import what a training needs, which takes seconds."""
        import_module(_PROGRAMS["train"][0])

    def run(
        self, action: str, spec: dict[str, Any], folder: Path, report: Report | None = None
    ) -> Result:
        """Run an action in a folder of its own; raises `SkillError`. Only train reports."""
        _check_action(action)
        parsed = parse(self._staged(spec))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpecError(
                f"results_dir: {folder} cannot be created ({error.strerror}); give another folder"
            ) from None
        steps = StepFile(folder, action)
        steps.say("loading libraries")
        try:
            module, name = _PROGRAMS[action]
            program = getattr(import_module(module), name)
            result: Result = (
                program(parsed, folder, report) if action == "train" else program(parsed, folder)
            )
        finally:
            steps.remove()
        return result

    def load_model(self, path: Path) -> "LoadedModel":
        """Load a model for use from Python; see `segformer.api.load_model`."""
        from segformer.api import load_model

        return load_model(path)

    def measure(self, spec: dict[str, Any], names: Collection[str]) -> dict[str, float]:
        """Return costs of a spec's model before any training; see `segformer.export.costs`."""
        from segformer.export.costs import measure

        return measure(parse(spec), names)

    def pace(self, spec: dict[str, Any], *, threads: int, at_once: int) -> dict[str, float]:
        """Return the seconds of start and epoch, by a few steps; see `segformer.training.pace`."""
        from segformer.training.pace import pace, training_data

        held_out = None if self._checked is None else self._checked.held_out
        with training_data(self._staged(spec), held_out) as here:
            return pace(here, threads=threads, at_once=at_once)

    def refine(
        self, kind: str, spec: dict[str, Any], checkpoints: Sequence[Path], target: Path
    ) -> Path:
        """Write a better checkpoint without training; see `segformer.refinement.refine`."""
        from segformer.refinement.refine import refine

        return refine(kind, parse(self._staged(spec)), checkpoints, target)

    def compare(
        self,
        kind: str,
        spec: dict[str, Any],
        old: Path,
        new: Path,
        *,
        split: Literal["validation", "test"],
    ) -> "Comparison":
        """Compare a refined checkpoint with the one before; see `segformer.refinement.refine`."""
        from segformer.refinement.refine import compare

        return compare(kind, parse(self._staged(spec)), old, new, split=split)

    def compare_evaluations(self, metric: str, old: Path, new: Path) -> "Comparison":
        """Compare two evaluations; see `segformer.evaluation.image_counts`."""
        from segformer.evaluation.image_counts import compare_evaluations

        return compare_evaluations(metric, old, new)

    def package(self, name: str, models: Mapping[str, Path], folder: Path) -> list[Path]:
        """Write a package of models; see `segformer.export.triton`."""
        if name != "triton":
            raise SpecError(f"{name!r} is not a package of this skill; it makes triton")
        from segformer.export.triton import write_triton

        return write_triton(models, folder)

    def served_model(self, path: Path) -> "SegmentationModel":
        """Load a model for a service; see `segformer.evaluation.served`."""
        from segformer.evaluation.served import SegmentationModel

        return SegmentationModel(path)

    def wrote(self, model: Path) -> bool:
        """Whether a file is a model that records how it was trained by this skill."""
        from segformer.errors import CheckpointError, SpecError
        from segformer.evaluation.predictor import load_described

        try:
            load_described(model)
        except (CheckpointError, SpecError):
            return False
        return True

    def sample(self, folder: Path, *, seed: int, kind: str | None = None) -> None:
        """Write a generated data set; see `segformer.data.sample.write_sample`."""
        from segformer.data.sample import write_sample

        write_sample(folder, seed=seed, kind="cells" if kind is None else kind)

    def import_data(
        self,
        kind: str,
        source: Path,
        target: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> "ImportReport":
        """Convert a data set of another layout; see `segformer.data.convert.import_data`."""
        from segformer.data.convert import import_data

        return import_data(kind, source, target, progress=progress)

    def data_folder(self, content: Mapping[str, Any]) -> Path:
        """Return a folder for a data set's paths; see `segformer.data.paths.folder_of_paths`."""
        from segformer.data.paths import folder_of_paths

        return folder_of_paths(content)

    def split_data(
        self,
        folder: Path,
        *,
        val: float,
        test: float = 0.0,
        by: str = "file",
        seed: int = 0,
        is_strict: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> "SplitReport":
        """Hold out images for validation and test; see `segformer.data.divide.split_data`."""
        from segformer.data.divide import split_data

        return split_data(
            folder, val=val, test=test, by=by, seed=seed, is_strict=is_strict, progress=progress
        )

    def show_data(
        self,
        folder: Path,
        *,
        html: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> "DataSummary":
        """Summarise a data set; see `segformer.data.summary.summarised`."""
        from segformer.data.source import check_folder
        from segformer.data.summary import summarised

        check_folder(folder)
        spec = parse(self.resolve("train", {_ROOT: str(folder)}))
        summary = summarised(spec.dataset.segment, progress=progress)
        if html is not None:
            from segformer.data.summary_page import write_page

            write_page(summary, html, seed=spec.train.seed)
        return summary

    def suspects(
        self,
        spec: dict[str, Any],
        folder: Path,
        *,
        model: Path | None = None,
        folds: int = 0,
        epochs: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Suspects":
        """Rank the masks that are probably wrong; see `segformer.suspects.ranking.suspects`."""
        from segformer.suspects.ranking import suspects
        from segformer.training.loop import train

        return suspects(
            parse(self._staged(spec)), folder, model=model, folds=folds,
            epochs=epochs or parse(spec).train.num_epochs, train=train, progress=progress,
        )  # fmt: skip

    def label_queue(
        self,
        spec: dict[str, Any],
        images: Path,
        folder: Path,
        *,
        model: Path,
        count: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> "Queue":
        """Choose unlabelled images to label next; see `segformer.suspects.queue.queue`."""
        from segformer.suspects.queue import queue

        return queue(parse(spec), images, folder, model=model, count=count, progress=progress)

    def generate(self, folder: Path) -> list[Path]:
        """Write schemas/ and references/ into a folder, from the spec classes."""
        texts = {
            "references/skill_info.yaml": yaml.safe_dump(skill_info(), sort_keys=False),
            "schemas/manifest.json": json_text(manifest()),
            "data/dataset.schema.json": json_text(dataset_schema()),
        }
        for action in ACTIONS:
            texts[f"schemas/{action}.schema.json"] = json_text(schema(action))
            texts[f"references/spec_template_{action}.yaml"] = template(action)
        texts["references/tao-deploy-segformer.md"] = deploy_text()
        for action in DEPLOY_ACTIONS:
            texts[f"references/spec_template_deploy_{action}.yaml"] = deploy_template(action)
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return [folder / name for name in texts]

    def _staged(
        self,
        spec: dict[str, Any],
        *,
        is_checked: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Return the spec with its remote inputs replaced by their copies on this machine."""
        flat = dict(flattened(spec))
        if not any(is_remote(flat.get(key)) for key in _PATHS):
            return spec
        from segformer.storage.staging import stage_inputs

        return nested(
            stage_inputs(
                flat,
                paths=_PATHS,
                data_set_key=_ROOT,
                credentials=self._credentials,
                is_checked=is_checked,
                progress=progress,
            )
        )


def _check_action(action: str) -> None:
    if action not in ACTIONS:
        raise SpecError(
            f"{action!r} is not an action of this skill; its actions are {', '.join(ACTIONS)}"
        )


def _from_data_set(action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what dataset.json, the layout and the masks say, in this order of precedence."""
    from segformer.data.source import layout_settings

    root = values.get(_ROOT)
    if not root or not isinstance(root, str):
        return {}
    if is_remote(root):
        from segformer.storage.staging import begun

        return described(begun(root), given=values)
    folder = Path(root).expanduser()
    settings, notes = layout_settings(folder, action=action, given=values)
    for note in notes:
        _log.warning(note)
    return {**settings, **described(folder, given=values)}


def _clean(address: str) -> str:
    return Location.read(address).clean if is_remote(address) else address


def _is_name(key: str, value: str) -> bool:
    """Whether weights are named, on the hub or as a package, and no path is given."""
    return _is_package(key, value) or (key == _BACKBONE_WEIGHTS and is_hub_name(value))


def _is_package(key: str, value: str) -> bool:
    return key == _BACKBONE_WEIGHTS and value.startswith(PACKAGE)


def _package_faults(value: str) -> list[str]:
    from segformer.model.packages import file_of_package

    try:
        file_of_package(value)
    except CheckpointError as error:
        return list(error.faults)
    return []


def _file_faults(flat: Mapping[str, Any], key: str, must_be_given: bool) -> list[str]:
    value = flat.get(key, "")
    if isinstance(value, str) and _is_package(key, value):
        return _package_faults(value)
    kind = "FOLDER" if key.endswith("_dir") else "FILE"
    if value == "":
        return [f"{key}: is not set; give {key}={kind}"] if must_be_given else []
    if not isinstance(value, str) or is_remote(value) or _is_name(key, value):
        return []  # parse reports it; or it was listed by now; or training fetches it.
    path = Path(value).expanduser()
    exists = path.is_dir() if kind == "FOLDER" else path.exists()
    if key == _ROOT and path.is_file():
        from segformer.data.layouts.foreign import refusal_of_a_file

        return [f"{key}: {refusal_of_a_file(path)}"]
    if kind == "FILE" and path.is_dir() and key != _BACKBONE_WEIGHTS:
        return [f"{key}: {value} is a folder; give {key}=FILE{_models_near(path / 'model')}"]
    if exists:
        return []
    others = _models_near(path) if kind == "FILE" else ""
    return [f"{key}: there is no {kind.lower()} {value}; give {key}={kind}{others}"]


def _models_near(path: Path) -> str:
    """Return the models in the folder of a missing file, e.g. of one with the name TAO gives it."""
    folders = (path.expanduser().parent, path.expanduser().parent / "checkpoints")
    found = sorted(
        str(file.relative_to(folders[0]))
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.suffix in _MODELS
    )
    return f" ({folders[0]} has {', '.join(found[:4])})" if found else ""


skill = SegformerSkill()
