"""JSON schemas, spec templates and their manifest, generated from the spec classes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from segformer.spec import ACTIONS, Spec

NAME = "segformer"

_COMMON = ("results_dir", "encryption_key", "model_name", "dataset", "model")
_MORE = {"train": ("wandb",), "quantize": ("train",)}
"""Further sections; quantize may fine-tune."""


def sections_of(action: str) -> tuple[str, ...]:
    """Return the sections of the spec that an action reads."""
    return (*_COMMON, action, *_MORE.get(action, ()))


def schema(action: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an action's spec, with the annotations for AutoML."""
    generated = Spec.model_json_schema()
    definitions = generated.pop("$defs")
    defaults = default(action)
    properties = {
        name: _node(name, generated["properties"][name], defaults[name], definitions)
        for name in sections_of(action)
    }
    root = _closed_object(properties)
    leaves = dict(_walk(properties))
    return root | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{NAME} {action}",
        "description": f"Settings of the action {action} of the skill {NAME}",
        "default": defaults,
        "popular": _only_popular(properties),
        "automl_default_parameters": sorted(
            key for key, node in leaves.items() if node.get("automl_enabled") is True
        ),
        "automl_disabled_parameters": sorted(
            key for key, node in leaves.items() if node.get("automl_enabled") is False
        ),
        "x_tao_schema": {
            "action": action,
            "model": NAME,
            "network_arch": NAME,
            "schema_action": action,
            "schema_version": 1,
            "source": "segformer.spec",
        },
    }


def default(action: str) -> dict[str, Any]:
    """Return the default spec of an action, nested."""
    return Spec().model_dump(include=set(sections_of(action)))


def template(action: str) -> str:
    """Return the default spec of an action as YAML."""
    head = f"# Defaults of `{NAME} {action}`, generated from segformer/spec/spec.py.\n"
    return head + yaml.safe_dump(default(action), sort_keys=False)


def manifest() -> dict[str, Any]:
    """Return the list of the actions with the AutoML parts of their schemas."""
    copied = ("automl_default_parameters", "automl_disabled_parameters", "popular")
    actions = {}
    for action in ACTIONS:
        content = schema(action)
        actions[action] = {key: content[key] for key in copied} | {
            "path": f"schemas/{action}.schema.json",
            "schema_action": action,
            "spec_template": f"references/spec_template_{action}.yaml",
        }
    return {
        "actions": actions,
        "automl_enabled": True,
        "model": NAME,
        "network_arch": NAME,
        "schema_version": 1,
    }


def json_text(content: Mapping[str, Any]) -> str:
    """Return strict JSON, sorted, so that equal content is equal text."""
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _node(name: str, raw: Any, value: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return one property with references resolved, its default and its annotations."""
    node = _resolved(raw, definitions)
    if "properties" in node:
        children = {
            key: _node(key, child, value[key], definitions)
            for key, child in node["properties"].items()
        }
        kept = {"title": name.replace("_", " ").capitalize(), "description": node["description"]}
        node = _closed_object(children) | kept
    elif node["type"] == "array":
        node["items"] = _item(node["items"], definitions)
    if node["type"] in ("object", "array"):
        node.setdefault("automl_enabled", False)
    return node | {"default": value}


def _closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    required = [name for name, node in properties.items() if _must_be_set(node)]
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(required),
        "additionalProperties": False,
    }


def _must_be_set(node: dict[str, Any]) -> bool:
    """Whether the user must set it; removes the mark that the classes use."""
    return bool(node.pop("must_be_set", False) or node.get("required"))


def _item(raw: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    node = _resolved(raw, definitions)
    if "properties" in node:
        for key, child in node["properties"].items():
            node["properties"][key] = _resolved(child, definitions)
            if node["properties"][key]["type"] == "array":
                node["properties"][key]["items"] = _item(child["items"], definitions)
    return node


def _resolved(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node with its reference, constant or "or null" written out."""
    node = dict(raw)
    if "$ref" in node:
        node = dict(definitions[node.pop("$ref").rpartition("/")[2]]) | node
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "anyOf" in node:
        kind, _null = node.pop("anyOf")
        node |= kind | {"type": [kind["type"], "null"]}
    if node["type"] == "array":
        node["items"] = dict(node["items"])
    return node


def _walk(properties: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in properties.items():
        yield f"{prefix}{name}", node
        yield from _walk(node.get("properties", {}), f"{prefix}{name}.")


def _only_popular(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults, nested, of the fields marked as popular."""
    popular = {}
    for name, node in properties.items():
        inner = _only_popular(node.get("properties", {}))
        if inner or node.get("popular"):
            popular[name] = inner or node["default"]
    return popular
