"""The corruptions of masks, of dataset.json and of whole folders; see `corruptions`."""

import json
import shutil

import numpy as np
from corruptions import HARMFUL, HARMLESS, UNDETECTABLE, name_of, on_a_pair, on_the_set
from pictures import png_of_few_bits
from PIL import Image

COLOURS = np.array([[60, 60, 60], [210, 80, 120], [90, 180, 70], [70, 110, 230]], np.uint8)
"""Of the classes, as the sample's dataset.json has them."""


def _save(case, pair, values, *, suffix=".png", table=None, **options):
    """Store the mask of a pair in another way; returns its name."""
    case.mask(pair).unlink()
    image = Image.fromarray(values)
    if table is not None:
        image = Image.frombytes("P", image.size, values.tobytes())
        image.putpalette(np.asarray(table, np.uint8).tobytes())
    path = case.mask(pair).with_suffix(suffix)
    image.save(path, **options)
    return (name_of(path),)


@on_a_pair(HARMLESS)
def a_mask_has_three_equal_channels(case):
    pair = case.pick()
    _save(case, pair, np.repeat(case.truth[pair].ids[..., None], 3, axis=2))
    return ()


@on_a_pair(HARMLESS)
def a_mask_has_16_bits(case):
    pair = case.pick()
    _save(case, pair, case.truth[pair].ids.astype(np.uint16))
    return ()


@on_a_pair(HARMLESS)
def a_mask_holds_whole_floats(case):
    pair = case.pick()
    _save(case, pair, case.truth[pair].ids.astype(np.float32), suffix=".tif")
    return ()


@on_a_pair(HARMLESS)
def a_mask_is_a_webp_without_loss(case):
    pair = case.pick()
    ids = case.truth[pair].ids
    _save(case, pair, np.repeat(ids[..., None], 3, axis=2), suffix=".webp", lossless=True)
    return ()


@on_a_pair(HARMLESS)
def a_mask_has_a_colour_table_in_order(case):
    pair = case.pick()
    _save(case, pair, case.truth[pair].ids, table=COLOURS)
    return ()


@on_a_pair(HARMLESS)
def a_mask_has_a_colour_table_out_of_order(case):
    pair = case.pick()
    order = case.draw.permutation(4)
    indices = np.argsort(order)[case.truth[pair].ids].astype(np.uint8)
    _save(case, pair, indices, table=COLOURS[order])
    return ()


@on_a_pair(HARMLESS)
def a_mask_is_of_the_classes_colours(case):
    pair = case.pick()
    _save(case, pair, COLOURS[case.truth[pair].ids])
    return ()


@on_a_pair(HARMFUL)
def a_mask_is_of_other_colours(case):
    pair = case.pick()
    return _save(case, pair, COLOURS[case.truth[pair].ids] ^ np.uint8(1))


@on_a_pair(HARMFUL)
def a_mask_is_a_jpeg(case):
    pair = case.pick()
    name = (".jpg", ".png")[case.draw.integers(2)]
    return _save(case, pair, case.truth[pair].ids, suffix=name, format="JPEG", quality=95)


@on_a_pair(HARMFUL)
def a_mask_is_a_webp_with_loss(case):
    pair = case.pick()
    return _save(case, pair, case.truth[pair].ids, suffix=".webp", quality=95)


@on_a_pair(HARMFUL)
def a_mask_holds_fractions(case):
    pair = case.pick()
    return _save(case, pair, case.truth[pair].ids.astype(np.float32) / 4, suffix=".tif")


@on_a_pair(HARMFUL)
def a_mask_holds_nan(case):
    pair = case.pick()
    values = case.truth[pair].ids.astype(np.float32)
    values[3, 5] = np.nan
    return _save(case, pair, values, suffix=".tif")


@on_a_pair(HARMFUL)
def a_mask_has_one_bit(case):
    """Ground and all else: class 1 is no more than what is white."""
    pair = case.pick()
    bits = (case.truth[pair].ids > 0).astype(int)
    case.mask(pair).write_bytes(png_of_few_bits(bits, 1))
    return (name_of(case.mask(pair)),)


@on_a_pair(HARMFUL)
def a_mask_holds_a_value_that_is_no_class(case):
    pair = case.pick()
    values = case.truth[pair].ids.copy()
    values[case.draw.integers(128), case.draw.integers(128)] = case.draw.integers(4, 255)
    return _save(case, pair, values)


@on_a_pair(HARMFUL)
def a_mask_is_stretched_to_255(case):
    pair = case.pick()
    return _save(case, pair, case.truth[pair].ids * np.uint8(85))


@on_a_pair(HARMFUL)
def a_mask_is_of_another_size(case):
    pair = case.pick()
    size = tuple(int(side) for side in case.draw.integers(1, 300, size=2))
    values = np.asarray(Image.fromarray(case.truth[pair].ids).resize(size, 2))
    return _save(case, pair, values)


@on_a_pair(HARMFUL)
def an_image_is_of_another_size(case):
    pair = case.pick()
    Image.open(case.image(pair)).resize((127, 129)).save(case.image(pair))
    return (name_of(case.image(pair)), name_of(case.mask(pair)))


@on_a_pair(HARMLESS)
def a_pair_is_of_an_odd_size(case):
    pair = case.pick()
    width, height = [(1, 1), (3, 500), (641, 2), (129, 127)][case.draw.integers(4)]
    truth = case.truth[pair]
    for name, path in (("image", case.image(pair)), ("ids", case.mask(pair))):
        pixels = getattr(truth, name)
        small = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
        small.save(path)
        setattr(truth, name, np.asarray(small))
    return ()


@on_a_pair(HARMLESS)
def a_pixel_of_a_mask_is_ignored(case):
    pair = case.pick()
    case.truth[pair].ids = case.truth[pair].ids.copy()
    case.truth[pair].ids[7, 9] = 255
    _save(case, pair, case.truth[pair].ids)
    _describe(case, {**_description(case), "ignore": 255})
    return ()


def _changed_values(case, change):
    pair = case.pick()
    case.truth[pair].ids = np.ascontiguousarray(change(case.truth[pair].ids)).astype(np.uint8)
    _save(case, pair, case.truth[pair].ids)
    return ()


@on_a_pair(UNDETECTABLE)
def a_square_mask_is_turned(case):
    return _changed_values(case, np.rot90)


@on_a_pair(UNDETECTABLE)
def a_mask_is_of_one_class(case):
    return _changed_values(case, np.zeros_like)


@on_a_pair(UNDETECTABLE)
def two_classes_of_a_mask_change_places(case):
    return _changed_values(case, lambda ids: np.array([0, 2, 1, 3])[ids])


@on_a_pair(UNDETECTABLE)
def a_mask_was_made_smaller_and_larger_with_invented_values(case):
    def blurred(ids):
        small = Image.fromarray(ids).resize((64, 64), Image.Resampling.BILINEAR)
        return np.asarray(small.resize((128, 128), Image.Resampling.BILINEAR))

    return _changed_values(case, blurred)


# dataset.json and whole folders.


def _description(case):
    return json.loads((case.folder / "dataset.json").read_text())


def _describe(case, content):
    (case.folder / "dataset.json").write_text(json.dumps(content))


@on_the_set(HARMFUL)
def the_description_is_cut(case):
    path = case.folder / "dataset.json"
    content = path.read_text()
    path.write_text(content[: int(len(content) * case.draw.uniform(0.02, 0.95))])
    return ("dataset.json",)


@on_the_set(HARMFUL)
def the_description_lacks_a_class(case):
    content = _description(case)
    del content["classes"][case.draw.integers(4)]
    _describe(case, content)
    return ("masks/",)


@on_the_set(HARMFUL)
def the_description_gives_a_value_twice(case):
    content = _description(case)
    content["classes"][2]["value"] = 1
    _describe(case, content)
    return ("dataset.json",)


@on_the_set(HARMLESS)
def the_description_is_gone(case):
    (case.folder / "dataset.json").unlink()
    return ()


@on_the_set(UNDETECTABLE)
def the_description_names_classes_wrongly(case):
    content = _description(case)
    first, second = content["classes"][1], content["classes"][2]
    first["name"], second["name"] = second["name"], first["name"]
    _describe(case, content)
    return ()


@on_the_set(HARMLESS)
def the_description_has_no_colours(case):
    content = _description(case)
    for each in content["classes"]:
        del each["color"]
    _describe(case, content)
    return ()


@on_the_set(HARMFUL)
def a_folder_is_gone(case):
    kind, split = [("images", "train"), ("masks", "val"), ("masks", "train")][case.draw.integers(3)]
    shutil.rmtree(case.folder / kind / split)
    return (f"{kind}/{split}",)


@on_the_set(HARMFUL)
def a_folder_is_empty(case):
    kind, split = [("images", "val"), ("masks", "train")][case.draw.integers(2)]
    for path in (case.folder / kind / split).iterdir():
        path.unlink()
    return (f"{kind}/{split}",)


@on_the_set(HARMFUL)
def the_masks_of_training_are_of_one_class(case):
    for path in (case.folder / "masks" / "train").iterdir():
        Image.fromarray(np.full((128, 128), 2, np.uint8)).save(path)
    return ("masks/train",)


@on_the_set(HARMFUL)
def the_masks_of_validation_count_nowhere(case):
    for path in (case.folder / "masks" / "val").iterdir():
        Image.fromarray(np.full((128, 128), 255, np.uint8)).save(path)
    return ("masks/val",)


@on_the_set(HARMFUL)
def images_and_masks_change_folders(case):
    for old, new in (("images", "x"), ("masks", "images"), ("x", "masks")):
        (case.folder / old).rename(case.folder / new)
    return ("masks/",)


@on_the_set(HARMLESS)
def all_masks_have_colour_tables_out_of_order(case):
    for pair in list(case.truth):
        order = case.draw.permutation(4)
        indices = np.argsort(order)[case.truth[pair].ids].astype(np.uint8)
        _save(case, pair, indices, table=COLOURS[order])
    return ()


@on_the_set(HARMLESS)
def the_test_split_is_gone(case):
    for kind in ("images", "masks"):
        shutil.rmtree(case.folder / kind / "test")
    for pair in [pair for pair in case.truth if pair[0] == "test"]:
        del case.truth[pair]
    return ()


@on_the_set(UNDETECTABLE)
def an_image_of_training_is_in_validation(case):
    one, other = case.pick("train"), case.pick("val")
    for path_of in (case.image, case.mask):
        shutil.copy(path_of(one), path_of(other))
    case.truth[other] = case.truth[one]
    return ()
