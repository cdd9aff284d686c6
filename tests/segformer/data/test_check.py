import re
import shutil

import layouts
import numpy as np
import pytest
from pictures import data_set, noise, png_of_few_bits, save, segment

from segformer.data.check import MOST_FAULTS, check_data
from segformer.data.summary import summarised
from segformer.errors import DataError


def test_a_sound_data_set_is_counted_with_progress(tmp_path):
    calls = []
    summary = check_data(
        segment(data_set(tmp_path)), progress=lambda *done: calls.append(done)
    ).record
    assert summary.keys() == {"train", "val", "fingerprint", "facts", "leaks"}
    assert (summary["train"], summary["val"]) == (3, 2)
    assert calls == [(n, 5) for n in range(1, 6)]


def test_the_facts_are_of_the_training_split(tmp_path):
    mask = np.zeros((8, 10), dtype=np.uint8)
    mask[:4] = 1
    mask[0, 0] = 2
    facts = check_data(segment(data_set(tmp_path, train=2, mask=mask), num_classes=4)).record[
        "facts"
    ]
    assert facts == {
        "train_images": 2, "classes": 3, "rarest_share": 1 / 80, "shorter_side": 8,
        "upper_lower_difference": 1.0,
    }  # fmt: skip


def test_images_without_an_up_hold_the_same_above_and_below(tmp_path):
    facts = check_data(segment(data_set(tmp_path))).record["facts"]
    assert facts["upper_lower_difference"] == 0


def test_the_fingerprint_follows_names_and_bytes(tmp_path):
    one, same, other = (data_set(tmp_path / name) for name in "abc")
    save(other / "images/val/00.png", noise(seed=99))
    prints = [check_data(segment(root)).record["fingerprint"] for root in (one, same, other)]
    assert prints[0] == prints[1] != prints[2]


def test_every_fault_of_every_split_is_named(tmp_path):
    data_set(tmp_path)
    (tmp_path / "images/train/00.png").write_bytes(b"")
    (tmp_path / "masks/train/01.png").unlink()
    save(tmp_path / "masks/val/00.png", [[0]])
    save(tmp_path / "masks/val/01.png", [[2] * 10] * 8)
    with pytest.raises(DataError) as caught:
        check_data(segment(tmp_path))
    named = ("train/01.png: has no partner", "00.png: is not", "00.png: is 1x1", "01.png: value 2")
    assert [words in fault for words, fault in zip(named, caught.value.faults, strict=True)] == [
        True
    ] * 4


def test_the_test_split_is_checked_where_it_has_a_folder(tmp_path):
    data_set(tmp_path)
    assert "extra" not in check_data(segment(tmp_path, test_split="extra")).record
    save(tmp_path / "images/extra/0.png", noise())
    with pytest.raises(DataError, match="masks/extra: no such folder"):
        check_data(segment(tmp_path, test_split="extra"))


def test_one_cause_is_one_line_and_a_long_list_of_causes_is_cut(tmp_path):
    data_set(tmp_path, train=MOST_FAULTS + 7, mask=[[9] * 10] * 8)
    with pytest.raises(DataError, match=r"value 9 .*\(59 such files: train/00.png, ") as caught:
        check_data(segment(tmp_path))
    assert len(caught.value.faults) == 1
    for index in range(MOST_FAULTS + 7):
        save(tmp_path / f"masks/train/{index:02}.png", [[index + 9] * 10] * 8)
    with pytest.raises(DataError, match=r"\.\.\. and 7 more faults") as caught:
        check_data(segment(tmp_path))
    assert len(caught.value.faults) == MOST_FAULTS + 1


def test_a_missing_root_is_one_fault(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        check_data(segment(tmp_path / "nowhere"))


def test_masks_of_which_255_is_ignored_by_mistake_are_refused(tmp_path):
    data_set(tmp_path, mask=[[0, 255] * 5] * 8)
    with pytest.raises(DataError, match="masks/train: only class 0 occurs.*label_transform=norm"):
        check_data(segment(tmp_path, palette=[]))
    assert check_data(segment(tmp_path, label_transform="norm")).record["train"] == 3


def test_a_split_in_which_no_pixel_counts_is_refused(tmp_path):
    data_set(tmp_path)
    for index in range(2):
        save(tmp_path / f"masks/val/{index:02}.png", [[255] * 10] * 8)
    with pytest.raises(DataError, match="masks/val: no pixel counts"):
        check_data(segment(tmp_path))


def test_a_split_without_classes_is_named_where_it_has_no_folder_of_masks(tmp_path):
    layouts.labelme(tmp_path)
    for path in tmp_path.rglob("*.json"):
        path.write_text(re.sub(r'"label": "\w+"', '"label": "__ignore__"', path.read_text()))
    chosen = segment(tmp_path, num_classes=2, palette=[])
    with pytest.raises(DataError) as caught:
        check_data(chosen)
    line = caught.value.faults[0]
    assert line.startswith(f"{tmp_path}: the split train: only class 0 occurs")
    assert "norm" not in line


def test_an_image_that_is_its_own_mask_is_refused(tmp_path):
    data_set(tmp_path)
    shutil.copy(tmp_path / "masks/train/01.png", tmp_path / "images/train/01.png")
    with pytest.raises(DataError, match=r"images/train/01.png: is its own mask"):
        check_data(segment(tmp_path))


def test_masks_of_1_and_of_8_bits_do_not_go_together_but_with_norm(tmp_path):
    data_set(tmp_path, mask=np.eye(8, 10, dtype=np.uint8) * 255)
    one_bit = png_of_few_bits(np.eye(8, 10, dtype=int), 1)
    (tmp_path / "masks/train/01.png").write_bytes(one_bit)
    assert check_data(segment(tmp_path, label_transform="norm")).record["train"] == 3
    with pytest.raises(
        DataError, match=r"01.png holds 1-bit values \(as 1 in all\).*in one format"
    ):
        check_data(segment(tmp_path))
    for mask in tmp_path.glob("masks/*/*.png"):
        mask.write_bytes(one_bit)
    assert check_data(segment(tmp_path)).record["train"] == 3


def test_black_of_rgb_masks_is_not_taken_for_a_value_beside_colours(tmp_path):
    red, blue = [255, 0, 0], [0, 0, 255]
    entries = enumerate(([0], [1], red, blue))
    palette = [{"label_id": i % 2, "seg_class": str(i % 2), "rgb": rgb} for i, rgb in entries]
    data_set(tmp_path, mask=np.array([[red, blue] * 5] * 8, np.uint8))
    assert check_data(segment(tmp_path, palette=palette)).record["train"] == 3
    save(tmp_path / "masks/train/01.png", np.zeros((8, 10, 3), np.uint8))
    with pytest.raises(DataError, match="01.png holds grey values in RGB"):
        check_data(segment(tmp_path, palette=palette))


def test_images_of_two_splits_are_warned_of(tmp_path, caplog):
    data_set(tmp_path)
    summary = check_data(segment(tmp_path)).record
    line = "2 pairs of images of different splits, equal byte for byte, as train/00.png and val/00"
    assert line in caplog.text
    assert line in summary["leaks"]


def test_files_passed_over_are_warned_of(tmp_path, caplog):
    data_set(tmp_path)
    for name in ("a.txt", "b.txt", ".hidden"):
        (tmp_path / "masks/train" / name).write_text("x")
    check_data(segment(tmp_path))
    assert "masks/train/a.txt is not an image and is skipped (2 such files)" in caplog.text


def test_classes_that_no_mask_of_a_split_has_are_named(tmp_path, caplog):
    data_set(tmp_path, mask=[[0, 1, 2, 0, 0] * 2] * 8)
    for path in (tmp_path / "masks/val").iterdir():
        save(path, [[0] * 10] * 8)
    summary = check_data(segment(tmp_path, num_classes=4)).record
    lines = (
        "dataset.segment.num_classes is 4, but no mask has class_3;"
        " where one is predicted, its IoU counts as 0",
        "no mask of the split val has background, class_2",
    )
    assert summary["absent"] == "; ".join(lines)
    assert all(line in caplog.text for line in lines)


def test_masks_that_all_show_the_same_are_warned_of(tmp_path, caplog):
    data_set(tmp_path, train=5)
    check_data(segment(tmp_path, num_classes=2))
    line = "all 5 masks of train show nearly the same, as a field of view does"
    assert line in caplog.text
    assert any(line in each for each in summarised(segment(tmp_path, num_classes=2)).warnings)
    caplog.clear()
    save(tmp_path / "masks/train/00.png", np.tri(8, 10, dtype=np.uint8))
    check_data(segment(tmp_path, num_classes=2))
    assert "nearly the same" not in caplog.text


def test_a_data_set_with_all_its_classes_says_nothing(tmp_path, caplog):
    data_set(tmp_path)
    assert "absent" not in check_data(segment(tmp_path)).record
    assert "no mask" not in caplog.text
