import re

import numpy as np
import pytest
import tifffile
from pictures import noise, png_of_16_bits, png_of_few_bits, save
from PIL import Image, PngImagePlugin

from segformer.data.images import read_image, read_mask
from segformer.errors import DataError

GREY = np.array([[0, 1, 2], [3, 4, 255]], dtype=np.uint8)


def test_sixteen_bit_grey_is_scaled(tmp_path):
    path = save(tmp_path / "a.png", GREY.astype(np.uint16) * 257)
    assert np.array_equal(read_image(path), np.repeat(GREY[..., None], 3, 2))


@pytest.mark.parametrize("mode", ["L", "LA", "I"])
def test_grey_becomes_three_channels(tmp_path, mode):
    if mode == "I":
        path = save(tmp_path / "a.tif", GREY.astype(np.int32) * 257)
    else:
        path = save(tmp_path / "a.png", GREY, mode)
    assert np.array_equal(read_image(path), np.repeat(GREY[..., None], 3, 2))


def test_alpha_is_dropped_and_the_colour_below_kept(tmp_path):
    colour = noise()
    hidden = np.concatenate([colour, np.zeros((8, 10, 1), np.uint8)], axis=2)
    assert np.array_equal(read_image(save(tmp_path / "a.png", hidden)), colour)


def test_a_palette_image_has_the_colours_of_its_palette(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([9, 8, 7, 10, 20, 30])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[9, 8, 7], [10, 20, 30]]]
    mask = read_mask(tmp_path / "a.png")
    assert mask.values.tolist() == [[0, 1]]
    assert mask.table[:2].tolist() == [[9, 8, 7], [10, 20, 30]]


def test_cmyk_becomes_rgb(tmp_path):
    flat = np.full((8, 8, 3), [200, 100, 50], np.uint8)
    image = read_image(save(tmp_path / "a.jpg", flat, "CMYK"))
    assert np.abs(image.astype(int) - flat).max() <= 8


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_an_image_is_turned_as_exif_says(tmp_path, orientation, turns):
    colour, exif = noise(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(colour).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.rot90(colour, turns))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_mask_values_stand_as_they_are(tmp_path, dtype):
    values = np.array([[0, 7], [11, 255]], dtype=dtype)
    assert np.array_equal(read_mask(save(tmp_path / "a.tif", values)).values, values)


@pytest.mark.parametrize(("mode", "shape"), [("1", (2, 2)), ("LA", (2, 2)), ("RGBA", (2, 2, 3))])
def test_masks_of_other_modes(tmp_path, mode, shape):
    path = save(tmp_path / "a.png", np.array([[0, 255], [255, 0]], np.uint8), mode)
    mask = read_mask(path).values
    assert mask.shape == shape
    assert mask.max() == (1 if mode == "1" else 255)


@pytest.mark.parametrize("value", [0.5, np.nan, -9999, 1e9])
def test_a_float_mask_names_what_is_no_class_value(tmp_path, value):
    path = save(tmp_path / "a.tif", np.array([[0, 1, value]], np.float32))
    with pytest.raises(DataError, match=re.escape(f"a.tif: is a float mask that holds {value:g};")):
        read_mask(path)


@pytest.mark.parametrize("values", [np.float32([[0.5]]), np.int32([[70000]])])
def test_an_image_of_unknown_range_is_refused(tmp_path, values):
    with pytest.raises(DataError, match="whose range is not known"):
        read_image(save(tmp_path / "a.tif", values))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>404", "is a page of the web"),
        (b"<html><head>", "is a page of the web"),
    ],
)
def test_what_lies_in_the_place_of_an_image_is_named(tmp_path, content, words):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=rf"a.jpg: is a .*{words}|a.jpg: {words}"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("content", [b"", b"text", "half"])
def test_what_is_no_image_is_named(tmp_path, content):
    path = save(tmp_path / "a.jpg", noise(64, 64))
    path.write_bytes(path.read_bytes()[:900] if content == "half" else content)
    with pytest.raises(DataError, match=r"a.jpg: (is not an image|cannot be read)"):
        read_image(path)


def test_a_changed_byte_of_a_png_is_noticed(tmp_path):
    path = save(tmp_path / "a.png", noise(64, 64))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="a.png: cannot be read"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["tif", "png", "webp"])
def test_a_file_of_several_pictures_is_refused(tmp_path, suffix):
    pages = [Image.fromarray(noise(seed=seed)) for seed in (1, 2)]
    pages[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match="holds 2 pictures"):
        read_image(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("jpg", {"quality": 100}), ("webp", {}), ("tif", {"compression": "jpeg"})],
)
def test_a_mask_compressed_with_loss_is_refused(tmp_path, suffix, options):
    Image.fromarray(noise()).save(tmp_path / f"a.{suffix}", **options)
    (tmp_path / f"a.{suffix}").rename(tmp_path / "a.png")
    with pytest.raises(DataError, match="a.png: has lossy compression"):
        read_mask(tmp_path / "a.png")


def test_a_mask_in_webp_without_loss_is_read(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.webp", lossless=True)
    assert np.array_equal(read_mask(tmp_path / "a.webp").values, noise())


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_samples_of_few_bits_stand_as_stored(tmp_path, bits):
    path = tmp_path / "a.png"
    path.write_bytes(png_of_few_bits(np.array([[0, 1, 1, 0], [1, 0, 2**bits - 1, 0]]), bits))
    mask = read_mask(path)
    assert mask.bits == bits
    assert mask.values.tolist() == [[0, 1, 1, 0], [1, 0, 2**bits - 1, 0]]


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_mask_may_be_a_gif_of_one_picture(tmp_path, mode):
    mask = Image.fromarray(np.array([[0, 1, 1, 0], [3, 0, 2, 0]], np.uint8), mode)
    if mode == "P":
        mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    mask.save(tmp_path / "a.gif")
    assert read_mask(tmp_path / "a.gif").values.tolist() == np.asarray(mask).tolist()
    mask.save(tmp_path / "b.gif", save_all=True, append_images=[mask.rotate(180)])
    with pytest.raises(DataError, match=r"b\.gif: holds 2 pictures"):
        read_mask(tmp_path / "b.gif")


def test_other_formats_are_not_opened(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.ppm")
    (tmp_path / "a.ppm").rename(tmp_path / "a.png")
    with pytest.raises(DataError, match="a.png: is not an image .PNG, JPEG"):
        read_image(tmp_path / "a.png")


def test_an_image_beyond_the_limit_of_size_is_told_to_be_cut(tmp_path):
    Image.new("L", (15000, 12000)).save(tmp_path / "huge.png")
    with pytest.raises(DataError, match="180 megapixels are more than the 67 .*cut the image into"):
        read_image(tmp_path / "huge.png")


def test_metadata_beyond_the_limit_of_size_is_told_to_be_left_out(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 2_000_000, zip=True)
    Image.fromarray(noise()).save(tmp_path / "a.png", pnginfo=text)
    with pytest.raises(DataError, match="its metadata is too large: save the image anew without"):
        read_image(tmp_path / "a.png")


def test_white_of_16_bits_is_white(tmp_path):
    path = save(tmp_path / "a.png", np.array([[0, 65535]], np.uint16))
    assert read_mask(path).values.tolist() == [[0, 255]]
    path = save(tmp_path / "b.png", np.array([[0, 1, 65535]], np.uint16))
    assert read_mask(path).values.tolist() == [[0, 1, 65535]]


@pytest.mark.parametrize(
    ("mode", "samples", "words"),
    [
        ("RGBA", [[9, 0, 0, 0], [9, 0, 0, 255]], r"pixels of the colour \[9, 0, 0\] that differ"),
        ("LA", [[3, 0], [3, 128]], "pixels of the grey 3 that differ in transparency"),
        ("RGBA", [[0, 0, 0, 0], [9, 0, 0, 255]], None),
        ("LA", [[3, 128], [4, 128]], None),
    ],
)
def test_alpha_that_says_more_than_the_colour_of_a_mask_is_refused(tmp_path, mode, samples, words):
    Image.fromarray(np.array([samples], np.uint8), mode).save(tmp_path / "a.png")
    if words is None:
        bands = [each[0] if mode == "LA" else each[:3] for each in samples]
        assert read_mask(tmp_path / "a.png").values.tolist() == [bands]
    else:
        with pytest.raises(DataError, match=words):
            read_mask(tmp_path / "a.png")


@pytest.mark.parametrize(("bands", "colour_type"), [(3, 2), (4, 6), (2, 4)])
def test_a_mask_of_16_bits_in_colour_is_refused(tmp_path, bands, colour_type):
    """Pillow reads 0x1234 and 0x1256 as one value."""
    samples = np.full((1, 2, bands), 65535)
    samples[..., 0] = [0x1234, 0x1256]
    (tmp_path / "a.png").write_bytes(png_of_16_bits(samples, colour_type))
    with pytest.raises(DataError, match="of 16 bits, of which 8 would be read"):
        read_mask(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((4, 4, 2), {"photometric": "minisblack", "planarconfig": "contig"}),
        ((4, 4, 3), {"photometric": "minisblack", "planarconfig": "contig"}),
        ((2, 4, 4), {"photometric": "minisblack", "planarconfig": "separate"}),
        ((4, 4, 4), {"photometric": "rgb", "extrasamples": [0]}),
    ],
)
def test_a_mask_with_a_band_that_would_be_passed_over_is_refused(tmp_path, shape, options):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint8), **options)
    with pytest.raises(DataError, match="bands, neither grey nor RGB"):
        read_mask(tmp_path / "a.tif")
