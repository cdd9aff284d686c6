"""The JSON schema of dataset.json, for editors and for programs that write one.

`segformer.data.description` reads the file, with messages of its own; a test holds both together.
"""

from typing import Any

from segformer.data.description import FOR_PEOPLE, SPLITS

_BYTE = {"type": "integer", "minimum": 0, "maximum": 255}


def dataset_schema() -> dict[str, Any]:
    """Return the schema, JSON Schema of draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dataset.json",
        "description": "What the masks of a data set mean.",
        "type": "object",
        "properties": {
            "classes": {
                "description": "The classes; their ids follow this order.",
                "type": ["array", "null"],
                "maxItems": 254,
                "items": _of_a_class(),
            },
            "ignore": {
                "description": "The value of pixels that do not count; null if all count.",
                "anyOf": [_BYTE, {"type": "null"}],
            },
            "bits": {
                "description": "Bits in use of 16-bit images.",
                "type": ["integer", "null"],
                "minimum": 8,
                "maximum": 16,
            },
            "bands": {
                "description": "Bands of the image files to use, counted from 0; red, green and "
                "blue come first. Without, files are read as RGB.",
                "type": ["array", "null"],
                "minItems": 1,
                "uniqueItems": True,
                "items": {"type": "integer", "minimum": 0},
            },
            "has_up": {
                "description": "Whether images have an up, so that training keeps them upright.",
                "type": ["boolean", "null"],
            },
            "groups": {
                "description": "Images that stay in one split: patterns of their paths or names.",
                "type": ["object", "null"],
                "additionalProperties": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "minLength": 1},
                },
            },
            "splits": {
                "description": "The folders of each split; paths begin at the data set.",
                "type": ["object", "null"],
                "properties": {name: _of_a_split() for name in SPLITS},
                "required": ["train"],
                "additionalProperties": False,
            },
            **{name: {"description": "For people."} for name in FOR_PEOPLE},
            "license": {"description": "The licence, in a line.", "type": ["string", "null"]},
            "source": {"description": "Where the data is from.", "type": ["string", "null"]},
        },
        "additionalProperties": False,
    }


def _of_a_split() -> dict[str, Any]:
    folder = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "properties": {"images": folder, "masks": folder},
        "required": ["images", "masks"],
        "additionalProperties": False,
    }


def _of_a_class() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "value": {"description": "Its value in masks of values.", **_BYTE},
            "name": {"description": "Its name.", "type": "string", "pattern": r"\S"},
            "color": {
                "description": "Red, green and blue in masks of colours.",
                "anyOf": [
                    {"type": "array", "items": _BYTE, "minItems": 3, "maxItems": 3},
                    {"type": "null"},
                ],
            },
        },
        "required": ["value", "name"],
        "additionalProperties": False,
    }
