"""SegFormer as AutoML sees it: resolve a spec, check the data, run an action. Loads no torch."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from segformer.data.description import described
from segformer.describe.deploy_text import ACTIONS as DEPLOY_ACTIONS
from segformer.describe.deploy_text import deploy_template, deploy_text
from segformer.describe.schema import json_text, manifest, schema, sections_of, template
from segformer.describe.skill_info import skill_info
from segformer.errors import DataError, SpecError
from segformer.result import Report, Result
from segformer.spec.backbones import is_hub_name
from segformer.spec.fields import path_keys
from segformer.spec.keys import full_keys, inputs
from segformer.spec.overrides import flattened, nested
from segformer.spec.spec import ACTIONS, Spec, parse
from segformer.storage.location import Location, is_remote

_ROOT = "dataset.segment.root_dir"
_PATHS = tuple(path_keys(Spec))


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

    def resolve(self, action: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole spec of an action: defaults, then dataset.json, then `overrides`.

        `overrides` are values by dotted key or short name. Paths become absolute. Keys of another
        action's section are checked and left out. Raises `SpecError` with every fault of keys,
        values and files, `DataError` for a dataset.json that is not understood.
        Addresses lose their credentials, and name the files as they are there now.
        """
        _known(action)
        given = full_keys(overrides)
        if any(is_remote(given.get(key)) for key in _PATHS):
            from segformer.storage.staging import pin_inputs

            given = pin_inputs(
                given, paths=_PATHS, inputs=inputs(action, given), data_set_key=_ROOT
            )
        faults: list[str] = []
        flat = {**_from_data_set(given), **given}
        try:
            spec = parse(nested(flat)).model_dump()
        except SpecError as error:
            faults += error.faults
            spec = {}
        flat = {**flat, **dict(flattened(spec))}
        files = inputs(action, flat)
        faults += [f for key, must in files.items() for f in _file_faults(flat, key, must)]
        sections = sections_of(action)
        faults += [
            f"{key}: must be a local path, not {flat[key]}"
            for key in _PATHS
            if key not in files and key.split(".")[0] in sections and is_remote(flat.get(key))
        ]
        if faults:
            raise SpecError(faults)
        for key in _PATHS:
            if flat[key] and not is_remote(flat[key]) and not _is_on_hub(key, flat[key]):
                flat[key] = str(Path(flat[key]).expanduser().absolute())
        whole = nested(flat)
        return {section: whole[section] for section in sections}

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, int | str]:
        """Read all the data of a spec; see `segformer.data.check.check_data`."""
        from segformer.data.check import check_data

        address = parse(spec).dataset.segment.root_dir
        here = parse(_staged(spec, is_checked=True, progress=progress)).dataset.segment
        try:
            return check_data(here, progress=progress)
        except DataError as error:
            # Faults name the files where the user has them.
            raise DataError(
                f.replace(here.root_dir, _clean(address)) for f in error.faults
            ) from None

    def run(
        self, action: str, spec: dict[str, Any], folder: Path, report: Report | None = None
    ) -> Result:
        """Run an action in a folder of its own; raises `SkillError`. Only train reports."""
        _known(action)
        parsed = parse(_staged(spec))
        folder.mkdir(parents=True, exist_ok=True)
        module, name = _PROGRAMS[action]
        program = getattr(import_module(module), name)
        result: Result = (
            program(parsed, folder, report) if action == "train" else program(parsed, folder)
        )
        return result

    def measure(self, spec: dict[str, Any], names: Collection[str]) -> dict[str, float]:
        """Return costs of a spec's model before any training; see `segformer.export.costs`."""
        from segformer.export.costs import measure

        return measure(parse(spec), names)

    def sample(self, folder: Path, *, seed: int) -> None:
        """Write a generated data set; see `segformer.data.sample.write_sample`."""
        from segformer.data.sample import write_sample

        write_sample(folder, seed=seed)

    def generate(self, folder: Path) -> list[Path]:
        """Write schemas/ and references/ into a folder, from the spec classes."""
        texts = {
            "references/skill_info.yaml": yaml.safe_dump(skill_info(), sort_keys=False),
            "schemas/manifest.json": json_text(manifest()),
        }
        for action in ACTIONS:
            texts[f"schemas/{action}.schema.json"] = json_text(schema(action))
            texts[f"references/spec_template_{action}.yaml"] = template(action)
        texts["references/deploy-segformer.md"] = deploy_text()
        for action in DEPLOY_ACTIONS:
            texts[f"references/spec_template_deploy_{action}.yaml"] = deploy_template(action)
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return [folder / name for name in texts]


def _known(action: str) -> None:
    if action not in ACTIONS:
        raise SpecError(f"{action!r} is no action of this skill; there are {', '.join(ACTIONS)}")


def _from_data_set(given: Mapping[str, Any]) -> dict[str, Any]:
    root = given.get(_ROOT)
    if not root or not isinstance(root, str):
        return {}
    if is_remote(root):
        from segformer.storage.staging import begun

        return described(begun(root), given=given)
    return described(Path(root).expanduser(), given=given)


def _staged(
    spec: dict[str, Any],
    *,
    is_checked: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Return a spec whose inputs are all on this machine."""
    flat = dict(flattened(spec))
    if not any(is_remote(flat.get(key)) for key in _PATHS):
        return spec
    from segformer.storage.staging import stage_inputs

    return nested(
        stage_inputs(
            flat, paths=_PATHS, data_set_key=_ROOT, is_checked=is_checked, progress=progress
        )
    )


def _clean(address: str) -> str:
    return Location.read(address).clean if is_remote(address) else address


def _is_on_hub(key: str, value: str) -> bool:
    return key == "model.backbone.pretrained_backbone_path" and is_hub_name(value)


def _file_faults(flat: Mapping[str, Any], key: str, must_be_given: bool) -> list[str]:
    value = flat.get(key, "")
    kind = "FOLDER" if key.endswith("_dir") else "FILE"
    if value == "":
        return [f"{key}: is not set; give {key}={kind}"] if must_be_given else []
    if not isinstance(value, str) or is_remote(value) or _is_on_hub(key, value):
        return []  # Named by parse; or known to be there; or a name that training fetches.
    path = Path(value).expanduser()
    is_there = path.is_dir() if kind == "FOLDER" else path.exists()
    return [] if is_there else [f"{key}: there is no {kind.lower()} {value}; give {key}={kind}"]


skill = SegformerSkill()
