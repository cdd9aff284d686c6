"""YAML without silent losses: its readers keep the last of a key that is there twice."""

from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


class KeyTwice(yaml.YAMLError):
    """A mapping has a key twice; the message says which, and where."""


class UniqueKeys(yaml.SafeLoader):
    """Raises `KeyTwice`; merges (<<) may repeat keys, as they are there to be overridden."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Return the node of a mapping."""
        node: Any = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                first = lines[key.value]
                raise KeyTwice(f"{key.value!r} is there twice, on lines {first} and {line}")
            lines[key.value] = line
        return node
