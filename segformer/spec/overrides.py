"""Values given by a user: ``key.sub=value`` words, YAML files, flat and nested mappings."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from segformer.errors import SpecError
from segformer.spec.unique_keys import KeyTwice, UniqueKeys


def read_words(words: Iterable[str]) -> dict[str, Any]:
    """Return ``{"a.b": 1}`` for ``["a.b=1"]``; values are YAML, and ``a.b=`` is an empty text.

    Raises `SpecError` with every word that is not an assignment.
    """
    flat: dict[str, Any] = {}
    faults = []
    for word in words:
        key, equals, text = word.partition("=")
        if not key or not equals:
            faults.append(f"{word!r} is not understood: values are given as key.sub=value")
            continue
        try:
            flat[key] = "" if text == "" else yaml.safe_load(text)
        except yaml.YAMLError:
            # The value may be a secret: it is not shown.
            faults.append(f"{key}: the value after = is not valid YAML; put it in quotes")
    if faults:
        raise SpecError(faults)
    return flat


def read_file(path: Path) -> dict[str, Any]:
    """Return the content of a YAML spec file, flat; raises `SpecError`.

    A key that is there twice is refused, since YAML's readers keep the last without a word.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), UniqueKeys)
    except KeyTwice as error:
        raise SpecError(f"-e {path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"-e {path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        place = " ".join(str(error).split())
        raise SpecError(f"-e {path}: is not YAML ({place})") from None
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise SpecError(f"-e {path}: holds no sections such as 'train:' but {content!r}")
    flat: dict[str, Any] = {}
    for key, value in flattened(content):
        if key in flat:
            raise SpecError(f"-e {path}: {key} is there twice, as {flat[key]!r} and as {value!r}")
        flat[key] = value
    return flat


def flattened(mapping: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) for every value that is no mapping, or an empty one."""
    for name, value in mapping.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{key}.")
        else:
            yield key, value


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"a": {"b": 1}}`` for ``{"a.b": 1}``.

    Raises `SpecError` where a key is a value and the section of another key at once.
    """
    root: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, name = key.split(".")
        node = root
        for depth, parent in enumerate(parents, start=1):
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                section = ".".join(parents[:depth])
                raise SpecError(f"{section}: is given as a value, and as a section by {key}")
        if isinstance(node.get(name), dict):
            if value != {}:
                raise SpecError(f"{key}: is given as a value, and as a section by another key")
        else:
            node[name] = value
    return root
