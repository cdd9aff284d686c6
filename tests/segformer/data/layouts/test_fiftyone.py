"""FiftyOne's masks are read, and its other formats named."""

import json

import layouts
import pytest

from segformer.data.layouts import layout_of
from segformer.errors import DataError


def test_data_and_labels_are_images_and_masks(tmp_path):
    layouts.pairs(tmp_path / "data", tmp_path / "labels")
    found = layout_of(tmp_path)
    assert found.layout.name == "fiftyone"
    assert found.read().counts == {"": 4}


@pytest.mark.parametrize(
    "files",
    [
        {"samples.json": {"samples": []}, "metadata.json": {"name": "x"}},
        {"labels.json": {"classes": ["a"], "labels": {"a": [{"label": "a", "mask": "eJw="}]}}},
    ],
)
def test_other_exports_are_named_with_what_to_export(tmp_path, files):
    layouts.image(tmp_path / "data/a.jpg")
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(DataError, match="FiftyOne's own format, .*ImageSegmentationDirectory"):
        layout_of(tmp_path)
