"""Corruptions that store an image in another way, or either file; see `corruptions`."""

import numpy as np
from corruptions import HARMFUL, HARMLESS, Case, either, name_of, on_a_pair
from PIL import Image


def _save_image(case: Case, name: str, tolerance: float, **options: object) -> tuple[str, ...]:
    pair = case.pick()
    path = case.image(pair)
    image = Image.open(path)
    mode = options.pop("mode", None)
    image = image.convert(mode) if isinstance(mode, str) else image
    image.load()
    path.unlink()
    image.save(path.with_name(pair[1] + name), **options)
    case.truth[pair].tolerance = tolerance
    return ()


@on_a_pair(HARMLESS)
def an_image_is_a_jpeg(case):
    return _save_image(case, ".jpg", 12, quality=90)


@on_a_pair(HARMLESS)
def an_image_is_a_jpeg_of_cmyk(case):
    return _save_image(case, ".jpeg", 14, quality=90, mode="CMYK")


@on_a_pair(HARMLESS)
def an_image_is_a_bmp_named_png(case):
    return _save_image(case, ".png", 0, format="BMP")


@on_a_pair(HARMLESS)
def an_image_has_alpha(case):
    return _save_image(case, ".png", 0, mode="RGBA")


@on_a_pair(HARMLESS)
def an_image_has_a_palette(case):
    return _save_image(case, ".png", 16, mode="P")


@on_a_pair(HARMLESS)
def an_image_is_grey(case):
    return _save_image(case, ".tif", 40, mode="L")


@on_a_pair(HARMLESS)
def an_image_is_turned_in_its_exif(case):
    pair = case.pick()
    turns = {3: 2, 6: 3, 8: 1}
    orientation = list(turns)[case.draw.integers(3)]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.rot90(case.truth[pair].image, -turns[orientation])
    Image.fromarray(np.ascontiguousarray(stored)).save(case.image(pair), exif=exif)
    return ()


@on_a_pair(HARMLESS)
def an_image_has_16_bits_of_grey(case):
    pair = case.pick()
    grey = np.asarray(Image.open(case.image(pair)).convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(case.image(pair))
    case.truth[pair].image = np.repeat(grey[..., None], 3, axis=2)
    return ()


@on_a_pair(HARMFUL)
def an_image_has_no_range(case):
    pair = case.pick()
    grey = np.asarray(Image.open(case.image(pair)).convert("L")).astype(np.float32)
    case.image(pair).unlink()
    Image.fromarray(grey / 255).save(case.image(pair).with_suffix(".tif"))
    return (f"{pair[0]}/{pair[1]}.tif",)


@on_a_pair(HARMFUL)
def a_file_is_a_targa_named_png(case):
    path = either(case)
    Image.open(path).convert("RGB").save(path, format="TGA")
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_file_holds_two_pictures(case):
    path = either(case)
    image = Image.open(path)
    image.load()
    path.unlink()
    path = path.with_suffix(".tif")
    image.save(path, save_all=True, append_images=[image])
    return (name_of(path),)
