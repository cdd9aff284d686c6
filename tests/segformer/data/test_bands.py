import struct
import zlib

import numpy as np
import pytest
import tifffile
from pictures import noise
from PIL import Image, ImageOps

from segformer.data import bands
from segformer.data.bands import Held, Sequential, Whole, bands_of, is_large
from segformer.data.large import LargePicture
from segformer.errors import DataError

HEIGHT, WIDTH = 131, 87


@pytest.fixture(autouse=True)
def small_bands(monkeypatch):
    """Decode 20 rows at once."""
    monkeypatch.setattr(bands, "_BAND", 20 * WIDTH)


def rgb(image):
    if image.mode.startswith("I;16"):
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    return np.asarray(image.convert("RGB"))


def picture():
    small = Image.fromarray(noise(13, 9)).resize((WIDTH, HEIGHT))
    return Image.fromarray(np.asarray(small) // 2 + noise(HEIGHT, WIDTH) // 8)


def grey16():
    return np.asarray(picture().convert("L")).astype(np.uint16) * 257


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PNG = {
    **{mode: lambda path, mode=mode: picture().convert(mode).save(path)
       for mode in ("RGB", "L", "RGBA", "LA", "P", "1")},
    "16 bits": lambda path: Image.fromarray(grey16()).save(path),
    **{f"{bits} bits": lambda path, bits=bits: picture().quantize(2**bits).save(path, bits=bits)
       for bits in (1, 2, 4)},
}  # fmt: skip
TIFF = {
    **{f"{packed} {mode}": lambda path, packed=packed, mode=mode: picture().convert(mode).save(
        path, compression=packed)
       for packed in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
       for mode in ("RGB", "L")},
    "predictor": lambda path: picture().save(path, compression="tiff_lzw", tiffinfo={317: 2}),
    "fax": lambda path: picture().convert("1").save(path, compression="group4"),
    "fax by 2 dimensions": lambda path: picture().convert("1").save(
        path, compression="group3", tiffinfo={292: 1, 278: 16}),
    "palette": lambda path: picture().convert("P").save(path),
    "tiles": lambda path: tifffile.imwrite(
        path, np.asarray(picture()), tile=(32, 48), compression="zlib", photometric="rgb"),
    "big endian": lambda path: tifffile.imwrite(path, grey16(), tile=(32, 48), byteorder=">"),
    "bigtiff": lambda path: tifffile.imwrite(
        path, np.asarray(picture()), bigtiff=True, photometric="rgb"),
    "one strip": lambda path: tifffile.imwrite(
        path, np.asarray(picture()), photometric="rgb", rowsperstrip=HEIGHT),
}  # fmt: skip
FILES = [("png", *each) for each in PNG.items()] + [("tif", *each) for each in TIFF.items()]


@pytest.mark.parametrize(("suffix", "name", "write"), FILES, ids=lambda each: str(each)[:20])
def test_bands_have_the_pixels_of_the_whole_picture(tmp_path, suffix, name, write):
    path = tmp_path / f"x.{suffix}"
    write(path)
    with Image.open(path) as image:
        expected = rgb(image)
    read = bands_of(path, rgb)
    assert isinstance(read, Sequential) and read.size == (HEIGHT, WIDTH)
    # Each call goes back by as much as windows overlap.
    for top in range(0, HEIGHT - 30, 17):
        assert np.array_equal(read.rows(top, top + 30), expected[top : top + 30])
    assert np.array_equal(read.rows(120, HEIGHT), expected[120:])


WHOLE = {
    "x.jpg": lambda path: picture().save(path),
    "x.bmp": lambda path: picture().save(path),
    "turned.png": lambda path: picture().save(path, exif=turned()),
    "turned.jpg": lambda path: picture().save(path, exif=turned()),
    "planes.tif": lambda path: tifffile.imwrite(
        path, np.asarray(picture()).transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_other_files_are_decoded_at_once_and_upright(tmp_path, name):
    WHOLE[name](tmp_path / name)
    with Image.open(tmp_path / name) as image:
        expected = rgb(ImageOps.exif_transpose(image))
    read = bands_of(tmp_path / name, rgb)
    assert isinstance(read, Whole) and read.size == expected.shape[:2]
    assert np.array_equal(read.rows(3, 40), expected[3:40])


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_file_that_is_cut_off_is_named_by_its_fault(tmp_path, share):
    for name in ("x.png", "x.tif"):
        picture().save(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: int(share * len(content))])
        with pytest.raises((ValueError, OSError, SyntaxError)):
            bands_of(tmp_path / name, rgb).rows(0, HEIGHT)


def test_a_wrong_checksum_is_found(tmp_path):
    picture().save(tmp_path / "x.png")
    content = bytearray((tmp_path / "x.png").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match="is broken: a checksum is wrong"):
        bands_of(tmp_path / "x.png", rgb).rows(0, HEIGHT)


def test_a_broken_stream_is_found(tmp_path):
    picture().save(tmp_path / "x.png")
    content = bytearray((tmp_path / "x.png").read_bytes())
    start = content.index(b"IDAT")
    (length,) = struct.unpack(">I", content[start - 4 : start])
    content[start + 4 : start + 6] = b"xx"  # Of the stream's head; the checksum is that of it.
    end = start + 4 + length
    content[end : end + 4] = struct.pack(">I", zlib.crc32(content[start:end]))
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match="is broken: its stream cannot be unpacked"):
        bands_of(tmp_path / "x.png", rgb).rows(0, HEIGHT)
    with pytest.raises(DataError, match="x.png: is broken"):
        LargePicture(tmp_path / "x.png", bits=8).bands().rows(0, HEIGHT)


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.webp"])
def test_a_large_file_of_two_pictures_is_refused(tmp_path, name):
    picture().save(tmp_path / name, save_all=True, append_images=[ImageOps.invert(picture())])
    with pytest.raises(DataError, match=f"{name}: holds 2 pictures; a file may hold one"):
        LargePicture(tmp_path / name, bits=8)


def test_what_cannot_be_read_in_bands_has_a_limit(tmp_path, monkeypatch):
    picture().save(tmp_path / "x.jpg")
    picture().save(tmp_path / "turned.png", exif=turned())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="save it as PNG or TIFF, which are read in bands"):
        bands_of(tmp_path / "x.jpg", rgb)
    with pytest.raises(ValueError, match="cannot be read in bands.*; save it anew"):
        bands_of(tmp_path / "turned.png", rgb)


def test_a_picture_is_large_above_a_number_of_pixels(tmp_path, monkeypatch):
    picture().save(tmp_path / "x.png")
    assert not is_large(tmp_path / "x.png")
    monkeypatch.setattr(bands, "MOST_PIXELS", HEIGHT * WIDTH - 1)
    assert is_large(tmp_path / "x.png")


def test_rows_above_those_kept_are_refused(tmp_path):
    picture().save(tmp_path / "x.png")
    read = bands_of(tmp_path / "x.png", rgb)
    read.rows(100, 110)
    with pytest.raises(ValueError, match="rows 0 to 10 are above"):
        read.rows(0, 10)


def test_pixels_in_memory_are_bands_too():
    pixels = noise(20, 10)
    assert np.array_equal(Held(pixels).rows(3, 9), pixels[3:9])
