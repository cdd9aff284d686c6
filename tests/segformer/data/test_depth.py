import numpy as np
import pytest
from layouts import HEIGHT, WIDTH, ids
from pictures import save, segment

from segformer.data.check import check_data
from segformer.data.dataset import SegmentationDataset
from segformer.data.depth import bits_in_use
from segformer.data.images import read_image
from segformer.data.source import layout_settings
from segformer.model.saved import ModelRecord
from segformer.spec.overrides import nested
from segformer.spec.spec import parse

GREY = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint16)


def twelve_bits(root, *, brightest=4095):
    """Write images of 12 bits, of which one alone is as bright as it can be."""
    for split, factor in (("train", 10), ("val", 20)):
        for index in range(2):
            values = GREY * factor + index
            values[0, 0] = brightest if (split, index) == ("train", 1) else 0
            save(root / f"images/{split}/{index}.png", values)
            save(root / f"masks/{split}/{index}.png", ids())
    return root


def settings(root):
    given = {"dataset.segment.root_dir": str(root)}
    keys, notes = layout_settings(root, action="train", given=given)
    return parse(nested({**keys, **given})), notes


def test_bits_in_use_are_those_of_the_whole_set(tmp_path):
    spec, notes = settings(twelve_bits(tmp_path))
    assert spec.dataset.segment.image_bits == 12
    assert "16-bit images use 12 bits: 4095 is white" in notes[-1]
    pixels = read_image(tmp_path / "images/val/0.png", bits=12)
    expected = np.round(GREY * 20 / 4095 * 255)
    expected[0, 0] = 0
    assert np.array_equal(pixels[..., 0], expected)


def test_bits_are_found_although_the_first_images_have_8(tmp_path):
    twelve_bits(tmp_path)
    for index in range(2):
        save(tmp_path / f"images/train/{index}.png", np.full((HEIGHT, WIDTH), index, np.uint8))
    spec, _ = settings(tmp_path)
    assert spec.dataset.segment.image_bits == int(GREY.max() * 20 + 1).bit_length()


def test_one_image_of_16_bits_among_many_of_8_is_found(tmp_path):
    paths = [save(tmp_path / f"{n}.png", GREY.astype(np.uint8)) for n in range(40)]
    save(paths[13], np.full_like(GREY, 4095))
    assert bits_in_use(paths) == 12
    save(paths[13].with_suffix(".tif"), np.full_like(GREY, 1023))
    assert bits_in_use([*paths[:13], paths[13].with_suffix(".tif")]) == 10


@pytest.mark.parametrize(("brightest", "bits"), [(65535, 16), (20000, 15), (1023, 11), (3000, 12)])
def test_bits_are_as_many_as_the_brightest_value_needs(tmp_path, brightest, bits):
    spec, _ = settings(twelve_bits(tmp_path, brightest=brightest))
    assert spec.dataset.segment.image_bits == bits


def test_images_that_use_few_bits_of_those_set_are_warned_of(tmp_path, caplog):
    root = twelve_bits(tmp_path)
    check_data(segment(root, num_classes=3, palette=[]))
    assert "values up to 4095, 6.2% of the 65535 that are white" in caplog.text
    caplog.clear()
    check_data(segment(root, num_classes=3, palette=[], image_bits=12))
    assert not caplog.text


def test_a_model_keeps_the_bits_of_its_images(tmp_path):
    spec, _ = settings(twelve_bits(tmp_path))
    record = ModelRecord.of(spec)
    assert record.segment["image_bits"] == 12
    other = segment(tmp_path, num_classes=3, palette=[], img_size=256)
    assert record.applied_to(other).image_bits == 12
    dark, light = (
        SegmentationDataset(each, split="train")[0]["image"].mean()
        for each in (other, record.applied_to(other))
    )
    assert dark < light


def test_dark_colours_of_16_bits_are_warned_of_and_as_bands_are_scaled(tmp_path, caplog):
    tifffile = pytest.importorskip("tifffile")
    colours = np.dstack([GREY * 40] * 3)  # Up to 3800: 12 bits.
    for split, names in {"train": "ab", "val": "cd"}.items():
        for number, name in enumerate(names):
            path = save(tmp_path / f"masks/{split}/{name}.png", ids())
            folder = tmp_path / "images" / split
            folder.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / f"{path.stem}.tif", colours + number, photometric="rgb")
    plain = segment(tmp_path, num_classes=3, palette=[])
    check_data(plain)
    assert "16-bit colours hold values up to about 3598 of 65535" in caplog.text
    caplog.clear()
    (tmp_path / "dataset.json").write_text('{"bands": [0, 1, 2]}')
    spec, notes = settings(tmp_path)
    assert spec.dataset.segment.image_bits == 12 and "use 12 bits" in notes[-1]
    check_data(segment(tmp_path, num_classes=3, palette=[], image_bits=12, bands=[0, 1, 2]))
    assert "16-bit" not in caplog.text
