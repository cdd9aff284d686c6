import json

import pytest
from PIL import Image

from automl.report.page import skill_report


@pytest.fixture
def shown(tmp_path):
    """Return a function that writes a report.json and returns its HTML."""

    def make(**content):
        text = json.dumps({"title": "Results", **content})
        (tmp_path / skill_report.FILE).write_text(text)
        return "".join(skill_report.parts(tmp_path, "test"))

    return make


def test_a_folder_without_one_shows_nothing(tmp_path):
    assert list(skill_report.parts(tmp_path, "test")) == []


def test_images_are_embedded_with_their_captions(shown, tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    html = shown(images=[{"file": "a.png", "caption": "<first>"}])
    assert 'src="data:image/png;base64,' in html and "&lt;first&gt;" in html


@pytest.mark.parametrize("name", ["gone.png", "../outside.png", "text.txt"])
def test_a_file_that_is_no_image_of_the_folder_is_named_and_not_embedded(shown, tmp_path, name):
    Image.new("RGB", (2, 2)).save(tmp_path.parent / "outside.png")
    (tmp_path / "text.txt").write_text("no image")
    html = shown(images=[{"file": name}])
    assert "base64" not in html and f"): {name}" in html


def test_images_beyond_the_most_are_counted(shown):
    html = shown(images=[{"file": "gone.png"}] * (skill_report.MOST_IMAGES + 3))
    assert "3 more images are in" in html


@pytest.mark.parametrize(
    ("content", "cause"),
    [({"titel": "x"}, "titel"), ({"matrices": [{"labels": ["a"], "values": []}]}, "1 rows of 1")],
)
def test_an_invalid_one_says_why_it_cannot_be_shown(shown, content, cause):
    html = shown(**content)
    assert "cannot be shown" in html and cause in html
