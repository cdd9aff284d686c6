import numpy as np
import pytest
from pictures import noise, save

from segformer.data.images import read_image, read_mask
from segformer.errors import DataError

tifffile = pytest.importorskip("tifffile")

COLOUR = noise(16, 24)
WIDE = COLOUR.astype(np.uint16) * 257
GREY = np.repeat(COLOUR[..., :1], 3, 2)
RIGHT = {
    "chunky": (COLOUR, {"data": WIDE, "photometric": "rgb"}),
    "planar 16": (
        COLOUR,
        {"data": WIDE.transpose(2, 0, 1), "photometric": "rgb", "planarconfig": "separate"},
    ),
    "planar 8": (
        COLOUR,
        {"data": COLOUR.transpose(2, 0, 1), "photometric": "rgb", "planarconfig": "separate"},
    ),
    "white is zero 8": (GREY, {"data": 255 - COLOUR[..., 0], "photometric": "miniswhite"}),
    "white is zero 16": (GREY, {"data": 65535 - WIDE[..., 0], "photometric": "miniswhite"}),
    "big-endian": (COLOUR, {"data": WIDE, "photometric": "rgb", "byteorder": ">"}),
    "tiled": (COLOUR, {"data": COLOUR, "photometric": "rgb", "tile": (16, 16)}),
}
REFUSED = {
    "13 bands": (np.zeros((8, 8, 13), np.uint16), {"photometric": "minisblack"}, "holds 13 bands"),
    "5 bands": (np.zeros((8, 8, 5), np.uint8), {"photometric": "rgb"}, "holds 5 bands"),
    "4 grey bands": (
        np.zeros((8, 8, 4), np.uint16),
        {"photometric": "minisblack"},
        "holds 4 bands",
    ),
    "signed": (np.zeros((8, 8), np.int16), {"photometric": "minisblack"}, "holds signed values"),
    "fractions": (np.zeros((8, 8, 3), np.float32), {"photometric": "rgb"}, "32-bit float image"),
    "doubles": (np.zeros((8, 8)), {"photometric": "minisblack"}, "64-bit float image"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_tiff_is_read_rightly_however_it_is_stored(tmp_path, name):
    expected, options = RIGHT[name]
    tifffile.imwrite(tmp_path / "a.tif", **options)
    assert np.array_equal(read_image(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("name", REFUSED)
def test_a_tiff_without_a_known_range_is_refused_in_our_words(tmp_path, name):
    values, options, words = REFUSED[name]
    planes = {"planarconfig": "contig"} if values.ndim == 3 else {}
    tifffile.imwrite(tmp_path / "a.tif", values, **planes, **options)
    with pytest.raises(DataError, match=f"a.tif: .*{words}"):
        read_image(tmp_path / "a.tif")


NODATA = 42113
IDS = np.array([[0, 1], [2, 9]])


@pytest.mark.parametrize(
    ("values", "text", "nodata"),
    [
        (IDS.astype(np.uint8), "9", 9),
        (IDS.astype(np.uint8), "9.0\0", 9),
        (IDS.astype(np.uint8), "7", None),
        (IDS.astype(np.uint8), "none", None),
        (np.where(IDS == 9, -9999, IDS).astype(np.int16), "-9999", -9999),
        (np.where(IDS == 9, -1, IDS).astype(np.int8), "-1", -1),
        (np.where(IDS == 9, 65535, IDS).astype(np.uint16), "65535", 65535),
        (np.where(IDS == 9, np.nan, IDS).astype(np.float32), "nan", -1),
        (np.where(IDS == 9, -3.4e38, IDS).astype(np.float32), "-3.4e+38", -1),
        (IDS.astype(np.float32), "9", 9),
    ],
    ids=str,
)
def test_what_a_geotiff_marks_as_no_data_is_known(tmp_path, values, text, nodata):
    tags = [(NODATA, "s", 0, text, True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=tags)
    mask = read_mask(tmp_path / "a.tif")
    assert mask.nodata == nodata
    assert mask.values.tolist() == [[0, 1], [2, 9 if nodata is None else nodata]]


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (COLOUR[..., 0], {"photometric": "miniswhite"}, "stores 0 as white"),
        (WIDE[..., 0], {"photometric": "miniswhite"}, "stores 0 as white"),
        (WIDE.transpose(2, 0, 1), RIGHT["planar 16"][1], "stores its colours in planes"),
        (COLOUR, {"photometric": "cielab"}, "holds colours as LAB, which are rounded"),
        (COLOUR, {"photometric": "ycbcr"}, "holds colours as YCbCr, which are rounded"),
    ],
)
def test_a_mask_whose_values_reading_would_change_is_refused(tmp_path, values, options, words):
    tifffile.imwrite(tmp_path / "a.tif", **{**options, "data": values})
    with pytest.raises(DataError, match=f"a.tif: {words}"):
        read_mask(tmp_path / "a.tif")


def test_overviews_are_no_other_pictures(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(COLOUR, photometric="rgb")
        file.write(COLOUR[::2, ::2], photometric="rgb", subfiletype=1)
    assert np.array_equal(read_image(tmp_path / "a.tif"), COLOUR)
    tifffile.imwrite(tmp_path / "b.tif", np.stack([COLOUR, COLOUR]), photometric="rgb")
    with pytest.raises(DataError, match="holds 2 pictures"):
        read_image(tmp_path / "b.tif")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # What Pillow makes of it.
def test_a_big_tiff_of_a_kind_that_is_not_read_is_named_as_one(tmp_path):
    options = {"photometric": "minisblack", "bigtiff": True, "byteorder": ">"}
    tifffile.imwrite(tmp_path / "a.tif", WIDE[..., 0], **options)
    with pytest.raises(DataError, match="is a TIFF of a kind that is not read .16 bits, 1 bands"):
        read_image(tmp_path / "a.tif")


def test_planes_of_16_bits_name_the_extra_where_it_is_missing(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", **RIGHT["planar 16"][1])
    monkeypatch.setattr("segformer.data.tiff.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'automl-segformer\[tiff\]'"):
        read_image(tmp_path / "a.tif")


def test_a_tiff_that_is_cut_off_is_named(tmp_path):
    path = save(tmp_path / "a.tif", COLOUR)
    path.write_bytes(path.read_bytes()[: len(COLOUR.tobytes()) // 2])
    for read in (read_image, read_mask):
        with pytest.raises(DataError, match="a.tif: (cannot be read|is not an image|is a TIFF)"):
            read(path)
