import sys

import numpy as np
import pytest
from pictures import noise, save
from PIL import Image

from segformer.data.augment import augment
from segformer.data.channels import by_pillow, composite
from segformer.data.check import check_data
from segformer.data.depth import bits_in_use
from segformer.data.description import described
from segformer.data.images import read_image, read_image_file
from segformer.errors import DataError
from segformer.spec.sections.augmentation import Augmentation
from segformer.spec.sections.dataset import DatasetSegment

pytest.importorskip("tifffile")
import tifffile  # noqa: E402
from multiband import scene, write_data, write_tiff  # noqa: E402

VALUES = scene(1, bands=5)[0].astype(np.uint16)
BY_PIXEL = {"photometric": "minisblack", "planarconfig": "contig"}


@pytest.mark.parametrize("is_planar", [False, True], ids=["by pixel", "by plane"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_the_named_bands_are_read_in_their_order(tmp_path, dtype, is_planar):
    stored = VALUES // 16 if dtype == np.uint8 else VALUES
    write_tiff(tmp_path / "a.tif", stored, dtype=dtype, is_planar=is_planar)
    expected = stored if dtype == np.uint8 else np.round(stored / (4095 / 255))
    pixels = read_image(tmp_path / "a.tif", bits=12, bands=[4, 0, 1, 2])
    assert pixels.dtype == np.uint8 and np.array_equal(pixels, expected[..., [4, 0, 1, 2]])


def test_a_tiff_lies_as_its_orientation_says(tmp_path):
    tags = [(274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", VALUES, **BY_PIXEL, extratags=tags)
    upright = np.round(np.rot90(VALUES, -1)[..., [3]] / (4095 / 255))
    assert np.array_equal(read_image(tmp_path / "a.tif", bits=12, bands=[3]), upright)


@pytest.mark.parametrize("compression", ["zlib", None])
def test_compressed_and_tiled_bands_are_the_same(tmp_path, compression):
    options = {"compression": compression, "predictor": compression is not None}
    tifffile.imwrite(tmp_path / "a.tif", VALUES, tile=(16, 16), **BY_PIXEL, **options)
    write_tiff(tmp_path / "b.tif", VALUES)
    one, other = (read_image(tmp_path / name, bands=range(5)) for name in ("a.tif", "b.tif"))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("is_planar", [False, True], ids=["by pixel", "by plane"])
@pytest.mark.parametrize("compression", ["lzw", "zstd", "jpeg2000"])
def test_bands_of_any_compression_are_read_by_the_extra(
    tmp_path, monkeypatch, compression, is_planar
):
    pytest.importorskip("imagecodecs")
    planes = VALUES.transpose(2, 0, 1) if is_planar else VALUES
    options = {**BY_PIXEL, "planarconfig": "separate" if is_planar else "contig"}
    tifffile.imwrite(tmp_path / "a.tif", planes, compression=compression, **options)
    stored = np.round(VALUES / (4095 / 255))
    assert np.array_equal(read_image(tmp_path / "a.tif", bits=12, bands=range(5)), stored)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for name in [each for each in sys.modules if each.partition(".")[0] == "tifffile"]:
        monkeypatch.delitem(sys.modules, name)  # It looks for the other library when imported.
    with pytest.raises(DataError, match=r"needs imagecodecs: pip .*segformer\[tiff\]"):
        read_image(tmp_path / "a.tif", bands=[0])


@pytest.mark.parametrize(("mode", "count"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_a_picture_has_its_channels_as_bands(tmp_path, mode, count):
    picture = Image.fromarray(noise(12, 9)).convert(mode)
    picture.save(tmp_path / "a.png")
    stored = np.asarray(picture).reshape(12, 9, count)
    assert np.array_equal(read_image(tmp_path / "a.png", bands=[count - 1]), stored[..., -1:])
    with pytest.raises(DataError, match=rf"a.png: has {count} bands?, .*no band {count} of"):
        read_image(tmp_path / "a.png", bands=range(count + 1))


@pytest.mark.parametrize(
    ("bands", "options"),
    [
        (13, {"photometric": "minisblack"}),
        (2, {"photometric": "minisblack"}),
        (4, {"photometric": "rgb", "extrasamples": ["unspecified"]}),
    ],
)
def test_bands_that_nobody_names_are_named_in_one_line(tmp_path, bands, options):
    values = np.zeros((8, 8, bands), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, planarconfig="contig", **options)
    with pytest.raises(DataError, match=rf'holds {bands} bands of 16 bits.*"bands": \[0, 1') as e:
        read_image(tmp_path / "a.tif")
    assert len(e.value.faults) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((8, 8, 5), np.float32), "float image"),
        (np.zeros((8, 8, 5), np.int16), "signed"),
        (np.full((8, 8, 5), 70000, np.uint32), "32-bit image"),
    ],
)
def test_bands_without_a_known_range_are_refused(tmp_path, values, words):
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig")
    with pytest.raises(DataError, match=f"a.tif: .*{words}"):
        read_image(tmp_path / "a.tif", bands=[0, 1])


def test_the_bits_in_use_are_those_of_the_named_bands(tmp_path):
    values = VALUES.copy()
    values[..., 4] = 65535  # As of a band of flags.
    write_tiff(tmp_path / "a.tif", values)
    assert bits_in_use([tmp_path / "a.tif"], [0, 1, 2, 3]) == 12
    assert bits_in_use([tmp_path / "a.tif"], [0, 4]) == 16


def test_a_data_set_says_which_bands_are_used(tmp_path):
    root = write_data(tmp_path, chosen=[3, 1, 0, 4])
    settings = described(root, given={})
    told = {key.split(".")[-1]: value for key, value in settings.items()}
    checked = check_data(DatasetSegment(root_dir=str(root), image_bits=12, **told))
    assert told["bands"] == [3, 1, 0, 4] and checked.summary.kinds == {"16-bit 4-band": 6}
    unnamed = {**told, "bands": None}
    with pytest.raises(DataError, match=r"holds 5 bands .*\(6 such files") as error:
        check_data(DatasetSegment(root_dir=str(root), **unnamed))
    assert len(error.value.faults) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_augmentation_takes_any_number_of_bands(count):
    image = np.dstack([noise(24, 24, seed=i)[..., 0] for i in range(count)])
    mask, settings = np.zeros((24, 24), np.uint8), Augmentation()
    settings.random_rotate.angle_list = [20.0]
    for seed in range(4):
        changed, _ = augment(image, mask, settings, draw=np.random.default_rng(seed))
        assert changed.shape == image.shape and changed.dtype == np.uint8


def test_colour_changes_brighten_all_bands_and_tint_the_first_three():
    image = np.dstack([noise(24, 24, seed=1), noise(24, 24, seed=2)[..., :2]])
    only = {"with_random_blur": False, "with_random_crop": False}
    for name in ("random_flip", "random_rotate", "with_scale_random_crop"):
        only[name] = {"enable": False}
    still = {"color_probability": 1, "brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
    mask = np.zeros((24, 24), np.uint8)

    def changed(**colour):
        settings = Augmentation.model_validate({**only, "random_color": {**still, **colour}})
        return augment(image, mask, settings, draw=np.random.default_rng(0))[0]

    assert np.array_equal(changed(), image)
    tinted, brighter = changed(hue=0.5), changed(brightness=0.9)
    assert np.array_equal(tinted[..., 3:], image[..., 3:])
    assert all((tinted[..., band] != image[..., band]).any() for band in range(3))
    assert all((brighter[..., band] != image[..., band]).any() for band in range(5))


def test_a_resized_band_is_the_same_alone_and_among_others():
    image = np.dstack([noise(20, 30, seed=i)[..., 0] for i in range(4)])
    size = (11, 17)
    together = by_pillow(image, lambda part: part.resize(size, Image.Resampling.BICUBIC))
    three = by_pillow(image[..., :3], lambda part: part.resize(size, Image.Resampling.BICUBIC))
    assert together.shape == (17, 11, 4) and np.array_equal(together[..., :3], three)


def test_the_first_three_bands_are_shown_and_fewer_as_grey():
    image = np.dstack([noise(4, 4, seed=i)[..., 0] for i in range(5)])
    assert np.array_equal(composite(image), image[..., :3])
    assert np.array_equal(composite(image[..., :2]), image[..., [0, 0, 0]])


def test_a_file_says_how_its_bands_are_stored(tmp_path):
    write_tiff(tmp_path / "a.tif", VALUES)
    save(tmp_path / "b.png", noise())
    wide = read_image_file(tmp_path / "a.tif", bands=[0, 1])
    assert (wide.kind, wide.largest) == ("16-bit 2-band", int(VALUES[..., :2].max()))
    assert read_image_file(tmp_path / "b.png", bands=[2]).kind == "8-bit 1-band"
