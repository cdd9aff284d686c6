"""`automl serve` as a process: one picture by HTTP, and by the page in a browser."""

import io
import re
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.support.ui import WebDriverWait

from experiments.screenshots.browser import browser, lacking
from segformer.api import load_model

pytestmark = pytest.mark.slow


@pytest.fixture
def served(sample_model):
    command = [sys.executable, "-m", "automl", "serve", str(sample_model), "--skill", "segformer"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+", line)[0]
        process.terminate()
        assert process.wait(30) in (0, -15)


@pytest.fixture
def picture(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (36, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture(scope="module")
def sample_model(tmp_path_factory):
    """Return a model of two classes that was never trained."""
    folder = tmp_path_factory.mktemp("model")
    for action in (
        ["automl", "data", "sample", str(folder / "data"), "--skill", "segformer"],
        ["segformer", "train", f"dataset.segment.root_dir={folder}/data", "train.num_epochs=1",
         "dataset.segment.img_size=32", f"results_dir={folder}", "dataset.segment.workers=0"],
        ["segformer", "export", f"results_dir={folder}",
         f"export.checkpoint={folder}/train/checkpoints/best.ckpt"],
    ):  # fmt: skip
        subprocess.run([sys.executable, "-m", *action], check=True, capture_output=True)
    return folder / "export" / "model.onnx"


def test_a_posted_picture_gets_the_mask_of_predict(served, sample_model, picture):
    request = urllib.request.Request(f"{served}/predict", data=picture.read_bytes())
    with urllib.request.urlopen(request, timeout=60) as answer:
        mask = np.asarray(Image.open(io.BytesIO(answer.read())))
    assert np.array_equal(mask, load_model(sample_model).segment(picture))


@pytest.mark.skipif(lacking() is not None, reason=str(lacking()))
def test_the_page_shows_the_overlay_and_the_classes_of_a_chosen_picture(served, picture):
    with browser(1280, 1000) as page:
        page.get(served)
        page.find_element("id", "file").send_keys(str(picture))
        WebDriverWait(page, 60).until(
            lambda page: "40 x 36 pixels" in page.find_element("id", "state").text
        )
        assert page.find_elements("css selector", "#classes tr")
        overlay = page.find_element("id", "overlay")
        WebDriverWait(page, 60).until(lambda page: overlay.get_property("naturalWidth") == 40)
