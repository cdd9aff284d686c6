import numpy as np
import pytest
from pictures import segment
from PIL import Image

from segformer.data.check import check_data
from segformer.data.convert import import_data
from segformer.data.load import load_pair
from segformer.data.source import source_of
from segformer.errors import DataError

COUNT = 6


def stack(path, pictures):
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = map(Image.fromarray, pictures)
    first.save(path, save_all=True, append_images=rest)


def pictures_of(kind, seed, count=COUNT):
    draw = np.random.default_rng(seed)
    if kind is np.uint16:
        return [draw.integers(0, 4096, (8, 10)).astype(np.uint16) for _ in range(count)]
    if kind == "masks":
        return [np.where(draw.integers(0, 2, (8, 10)), 255, 0).astype(np.uint8)] * count
    return [draw.integers(0, 256, (8, 10, *kind), dtype=np.uint8) for _ in range(count)]


@pytest.mark.parametrize("kind", [(), (3,), np.uint16], ids=["grey", "colours", "16 bits"])
def test_stacks_are_imported_picture_by_picture(tmp_path, kind):
    images, masks = pictures_of(kind, 1), pictures_of("masks", 2)
    stack(tmp_path / "data/images/a.tif", images)
    stack(tmp_path / "data/masks/a.tif", masks)
    report = import_data("auto", tmp_path / "data", tmp_path / "out")
    assert report.files == {"taken from stacks": 2 * COUNT}
    assert "stacks that were taken apart: 1, of 6 images with masks" in report.notes
    assert sum(report.counts.values()) == COUNT
    names = [path.stem for path in sorted((tmp_path / "out/images/train").iterdir())]
    assert names == [f"a_{number}" for number in range(COUNT)]
    for number in range(COUNT):
        for name, pictures in (("images", images), ("masks", masks)):
            with Image.open(tmp_path / f"out/{name}/train/a_{number}.png") as page:
                assert np.array_equal(np.asarray(page), pictures[number])
    check_data(segment(tmp_path / "out", label_transform="norm"))
    assert not list(tmp_path.glob("out.*"))


def test_an_import_of_masks_that_are_converted_takes_stacks_apart_too(tmp_path):
    values = np.array([[0, 1, 128, 255, 0, 1, 128, 255, 0, 1]] * 8, np.uint8)
    stack(tmp_path / "data/images/a.tif", pictures_of((3,), 1))
    stack(tmp_path / "data/masks/a.tif", [values] * COUNT)
    (tmp_path / "data/classes.csv").write_text("name,value\nsky,0\nroad,1\ncar,128\nnone,255\n")
    import_data("auto", tmp_path / "data", tmp_path / "out")
    source = source_of(segment(tmp_path / "out", num_classes=4))
    pair = source.pairs("train")[0]
    assert pair.mask.name.startswith("a_")
    assert np.array_equal(np.asarray(Image.open(pair.mask)), values)


def test_stacks_of_other_numbers_of_pictures_are_refused_and_nothing_is_left(tmp_path):
    stack(tmp_path / "data/images/a.tif", pictures_of((), 1))
    stack(tmp_path / "data/masks/a.tif", pictures_of("masks", 1, COUNT - 1))
    with pytest.raises(DataError, match=r"a.tif: holds 5 pictures, but its image a.tif holds 6"):
        import_data("auto", tmp_path / "data", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_stack_that_is_given_as_it_is_says_how_to_take_it_apart(tmp_path):
    for stem in ("a", "b"):
        stack(tmp_path / f"data/images/{stem}.tif", pictures_of((), 1))
        stack(tmp_path / f"data/masks/{stem}.tif", pictures_of("masks", 2))
    source = source_of(segment(tmp_path / "data"))
    with pytest.raises(DataError, match=r"\(automl data import makes a file of each\)"):
        load_pair(source.pairs("train")[0], segment(tmp_path / "data"))


def test_one_stack_is_no_small_data_set(tmp_path):
    stack(tmp_path / "data/images/a.tif", pictures_of((), 1))
    stack(tmp_path / "data/masks/a.tif", pictures_of("masks", 2))
    with pytest.raises(DataError, match="or take the stack of 6 pictures apart with automl data"):
        source_of(segment(tmp_path / "data"))
