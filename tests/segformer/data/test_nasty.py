"""Every file of ../shared/datasets/nasty is read rightly, or refused with its name and reason."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from pictures import segment
from PIL import Image

from segformer.data.check import check_data
from segformer.data.description import described
from segformer.data.images import read_image
from segformer.data.load import load_pair
from segformer.data.pairs import Pair
from segformer.errors import DataError
from segformer.spec import parse
from segformer.spec.overrides import nested

EXACT, NEAR, GREY = 0, 6, 14
"""Largest mean difference from the reference image: none, a JPEG's, a loss of colours too."""

IMAGES = {
    "ref_image_rgb8.png": EXACT, "image_rgb16.png": EXACT, "image_rgba.png": EXACT,
    "image_png_named.jpg": EXACT, "image.bmp": EXACT, "image.webp": NEAR,
    "image_palette.png": NEAR, "image_cmyk.jpg": NEAR, "image_exif6.jpg": NEAR,
    "image_exif3.jpg": NEAR, "image_progressive.jpg": NEAR, "image_UPPER.JPG": NEAR,
    "image.with.dots.jpg": NEAR, "image name with space.jpg": NEAR, "image_ünïcode.jpg": NEAR,
    "image_gray16.png": GREY, "image_la.png": GREY, "image_gray.jpg": GREY,
}  # fmt: skip
BROKEN_IMAGES = {
    "image_truncated.jpg": "cannot be read", "image_empty.jpg": "is not an image",
    "image_notanimage.png": "is not an image", "image_479x359.png": "but its image .* is 479x359",
    "image_1x1.png": "but its image .* is 1x1", "image_480x20.png": "but its image .* is 480x20",
}  # fmt: skip
MASKS = (
    "ref_mask_index8.png", "mask_palette.png", "mask_palette_4bit.png", "mask_rgb_equal.png",
    "mask_index16.png", "mask_rgba.png", "mask_float.tif",
)  # fmt: skip
BROKEN_MASKS = {
    "mask_palette_permuted.png": "has a colour table of its own",
    "mask_rgb.png": r"values 0, \[0, 0, 192\] are not in dataset.segment.palette",
    "mask_cityscapes16.png": "values 1007, 2007, .* not in dataset.segment.palette",
    "mask_out_of_range.png": "value 37 is not in dataset.segment.palette",
    "mask_void255.png": "value 255 is not in dataset.segment.palette",
    "mask_bilinear_240x180.png": "is 240x180 pixels", "mask_rotated.png": "is 360x480 pixels",
}  # fmt: skip
OTHERS = {
    "real_16bit_gray_256x256.png", "real_gray8_image.png", "real_mask_0_255.png",
    "real_mask_jpeg.jpg", "real_mask_jpeg_image.jpg", "real_portrait_320x480.jpg",
    "mask_all_void.png", "mask_one_class.png", "mask_1bit_car.png",
}  # fmt: skip
COLOURED = ("mask_palette.png", "mask_palette_permuted.png", "mask_palette_4bit.png",
            "mask_rgb.png")  # fmt: skip


@pytest.fixture(scope="module")
def nasty(shared):
    return shared / "datasets" / "nasty"


@pytest.fixture(scope="module")
def camvid(shared):
    """Return the data settings that CamVid's own dataset.json gives: values and colours."""
    root = shared / "datasets" / "camvid"
    values = {**described(root, given={}), "dataset.segment.root_dir": str(root)}
    return parse(nested(values)).dataset.segment


def ids(mask, settings, image="ref_image_rgb8.png"):
    return load_pair(Pair("x", mask.parent / image, mask), settings).ids


def expected(nasty):
    reference = np.asarray(Image.open(nasty / "ref_mask_index8.png"))
    return np.where(reference == 11, 255, reference)


def test_the_table_names_every_file(nasty):
    named = [*IMAGES, *BROKEN_IMAGES, *MASKS, *BROKEN_MASKS, *OTHERS]
    there = {path.name for path in nasty.iterdir()} - {"README.md", "SHA256SUMS"}
    assert there == set(named)
    assert len(there) == len(named)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_the_reference(nasty, camvid, name):
    reference = read_image(nasty / "ref_image_rgb8.png").astype(int)
    pair = load_pair(Pair("x", nasty / name, nasty / "ref_mask_index8.png"), camvid)
    difference = np.abs(pair.image.astype(int) - reference).mean()
    assert difference <= IMAGES[name]
    assert np.array_equal(pair.ids, expected(nasty))


@pytest.mark.parametrize("name", BROKEN_IMAGES)
def test_an_image_that_cannot_be_used_is_named(nasty, camvid, name):
    with pytest.raises(DataError, match=BROKEN_IMAGES[name]) as caught:
        load_pair(Pair("x", nasty / name, nasty / "ref_mask_index8.png"), camvid)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_is_the_reference(nasty, camvid, name):
    assert np.array_equal(ids(nasty / name, camvid), expected(nasty))


@pytest.mark.parametrize("name", BROKEN_MASKS)
def test_a_mask_that_cannot_be_used_is_named(nasty, camvid, name):
    with pytest.raises(DataError, match=BROKEN_MASKS[name]) as caught:
        ids(nasty / name, camvid)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", COLOURED)
def test_colours_are_read_by_a_palette_of_colours(nasty, camvid, name):
    colours = [e.model_dump() for e in camvid.palette if len(e.rgb) == 3]
    colours[4]["rgb"] = [0, 0, 192]  # These files' pavement.
    void = {"label_id": 255, "seg_class": "void", "rgb": [0, 0, 0]}
    settings = segment(num_classes=11, palette=[*colours, void])
    assert np.array_equal(ids(nasty / name, settings), expected(nasty))


def test_indices_are_not_trusted_where_nothing_says_that_they_are_classes(nasty):
    settings = segment(num_classes=11, ignore_index=11)
    for name in COLOURED[:3]:
        with pytest.raises(DataError, match="has a colour table of its own"):
            ids(nasty / name, settings)


def test_void_may_be_255(nasty):
    mask = nasty / "mask_void255.png"
    assert np.array_equal(ids(mask, segment(num_classes=11)), expected(nasty))


def test_void_pixels_one_class_and_one_bit_are_read(nasty, camvid):
    assert np.unique(ids(nasty / "mask_all_void.png", camvid)).tolist() == [255]
    assert np.unique(ids(nasty / "mask_one_class.png", camvid)).tolist() == [3]
    car = np.asarray(Image.open(nasty / "mask_1bit_car.png"))
    assert np.array_equal(ids(nasty / "mask_1bit_car.png", segment()), car)
    assert np.array_equal(ids(nasty / "mask_1bit_car.png", segment(label_transform="norm")), car)


def test_255_is_class_1_of_a_binary_mask(nasty):
    settings = segment(label_transform="norm")
    found = ids(nasty / "real_mask_0_255.png", settings, image="real_gray8_image.png")
    raw = np.asarray(Image.open(nasty / "real_mask_0_255.png"))
    assert np.array_equal(found, raw // 255)
    pixels = read_image(nasty / "real_gray8_image.png")
    grey = np.asarray(Image.open(nasty / "real_gray8_image.png"))
    assert np.array_equal(pixels, np.repeat(grey[..., None], 3, 2))


def test_16_bits_of_grey_are_scaled(nasty):
    raw = np.asarray(Image.open(nasty / "real_16bit_gray_256x256.png")).astype(float)
    pixels = read_image(nasty / "real_16bit_gray_256x256.png")
    assert np.abs(pixels[..., 0] - raw / 257).max() <= 0.5
    assert len(np.unique(pixels)) > 100


def test_portrait_landscape_and_extreme_sizes_are_batched_together(nasty, tmp_path):
    from torch.utils.data import DataLoader

    from segformer.data.dataset import SegmentationDataset

    for split in ("train", "val"):
        for name in ("real_portrait_320x480.jpg", "image_1x1.png", "image_480x20.png"):
            size = read_image(nasty / name).shape[1::-1]
            for kind in ("images", "masks"):
                (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
            shutil.copy(nasty / name, tmp_path / "images" / split)
            mask = Image.fromarray(np.tile([[0, 1]], (size[1], size[0]))[:, : size[0]]
                                   .astype(np.uint8))  # fmt: skip
            mask.save(tmp_path / "masks" / split / f"{Path(name).stem}.png")
    settings = segment(tmp_path, img_size=64)
    assert check_data(settings).record["train"] == 3
    data = SegmentationDataset(settings, split="train", augment=True)
    (batch,) = DataLoader(data, batch_size=3)
    assert batch["image"].shape == (3, 3, 64, 64)


def test_kvasirs_jpeg_mask_is_black_and_white(nasty, tmp_path, caplog):
    grey = np.asarray(Image.open(nasty / "real_mask_jpeg.jpg").convert("L"))
    assert len(np.unique(grey)) == 18
    pair = Pair("x", nasty / "real_mask_jpeg_image.jpg", nasty / "real_mask_jpeg.jpg")
    found = load_pair(pair, segment(label_transform="norm"))
    assert np.array_equal(found.ids, grey >= 128)
    for split in ("train", "val"):
        for kind, path in (("images", pair.image), ("masks", pair.mask)):
            (tmp_path / kind / split).mkdir(parents=True)
            shutil.copy(path, tmp_path / kind / split / "polyp.jpg")
    check_data(segment(tmp_path, label_transform="norm"))
    assert "2 masks have lossy compression and are read as black and white" in caplog.text
