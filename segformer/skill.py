"""SegFormer as AutoML sees it: resolve a spec, check the data, run an action. Loads no torch."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from segformer.backbones import is_hub_name
from segformer.data.describe import described
from segformer.errors import SpecError
from segformer.fields import path_keys
from segformer.overrides import flattened, nested
from segformer.result import Report, Result
from segformer.schema import json_text, manifest, schema, sections_of, template
from segformer.skill_info import full_keys, inputs, skill_info
from segformer.spec import ACTIONS, Spec, parse

_ROOT = "dataset.segment.root_dir"


_PROGRAMS = {
    "train": ("segformer.training.loop", "train"),
    "evaluate": ("segformer.evaluation.evaluate", "evaluate"),
    "inference": ("segformer.evaluation.inference", "infer"),
    "export": ("segformer.deploy.onnx", "export"),
    "quantize": ("segformer.deploy.quantize", "quantize"),
    "gen_trt_engine": ("segformer.deploy.engine", "gen_trt_engine"),
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
        """
        _known(action)
        given = full_keys(overrides)
        faults: list[str] = []
        flat = {**_from_data_set(given), **given}
        try:
            spec = parse(nested(flat)).model_dump()
        except SpecError as error:
            faults += error.faults
            spec = {}
        flat = {**flat, **dict(flattened(spec))}
        files = inputs(action, flat).items()
        faults += [f for key, must in files for f in _file_faults(flat, key, must)]
        if faults:
            raise SpecError(faults)
        for key in path_keys(Spec):
            if flat[key] and not _is_on_hub(key, flat[key]):
                flat[key] = str(Path(flat[key]).expanduser().absolute())
        whole = nested(flat)
        return {section: whole[section] for section in sections_of(action)}

    def check(
        self, spec: dict[str, Any], *, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, int | str]:
        """Read all the data of a spec; see `segformer.data.check.check_data`."""
        from segformer.data.check import check_data

        return check_data(parse(spec).dataset.segment, progress=progress)

    def run(
        self, action: str, spec: dict[str, Any], folder: Path, report: Report | None = None
    ) -> Result:
        """Run an action in a folder of its own; raises `SkillError`. Only train reports."""
        _known(action)
        parsed = parse(spec)
        folder.mkdir(parents=True, exist_ok=True)
        module, name = _PROGRAMS[action]
        program = getattr(import_module(module), name)
        result: Result = (
            program(parsed, folder, report) if action == "train" else program(parsed, folder)
        )
        return result

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
    return described(Path(root).expanduser(), given=given) if root and isinstance(root, str) else {}


def _is_on_hub(key: str, value: str) -> bool:
    return key == "model.backbone.pretrained_backbone_path" and is_hub_name(value)


def _file_faults(flat: Mapping[str, Any], key: str, must_be_given: bool) -> list[str]:
    value = flat.get(key, "")
    kind = "FOLDER" if key.endswith("_dir") else "FILE"
    if value == "":
        return [f"{key}: is not set; give {key}={kind}"] if must_be_given else []
    if not isinstance(value, str) or _is_on_hub(key, value):
        return []  # A fault of the value, which parse names; a name that training fetches.
    path = Path(value).expanduser()
    is_there = path.is_dir() if kind == "FOLDER" else path.exists()
    return [] if is_there else [f"{key}: there is no {kind.lower()} {value}; give {key}={kind}"]


skill = SegformerSkill()
