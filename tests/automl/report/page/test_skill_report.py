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


def test_a_large_photograph_is_embedded_as_webp_and_a_large_mask_stays_as_it_is(shown, tmp_path):
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    noise.save(tmp_path / "photo.png")
    noise.resize((600, 600), 0).convert("1").save(tmp_path / "mask.png")
    photo = shown(images=[{"file": "photo.png"}])
    sizes = [(tmp_path / name).stat().st_size for name in ("photo.png", "mask.png")]
    assert min(sizes) > skill_report.LIGHT_IMAGE
    assert "data:image/webp" in photo and len(photo) < sizes[0]
    assert "data:image/png" in shown(images=[{"file": "mask.png"}])


def test_names_beside_colours_are_the_legend_of_the_pictures(shown, tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    table = {"columns": ["class", ""], "rows": [["<sky>", {"colour": "#00aaff"}], ["none", None]]}
    legend = '<p class="legend"><span><span class="swatch" style="background:#00aaff"></span> '
    assert f"{legend}&lt;sky&gt;</span></p>" in shown(images=[{"file": "a.png"}], tables=[table])
    assert "legend" not in shown(tables=[table])


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
