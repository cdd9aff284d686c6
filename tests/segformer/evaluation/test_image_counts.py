import numpy as np
import pytest

from segformer.errors import SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.image_counts import ImageCounts, compare_evaluations, compared


@pytest.fixture(scope="module")
def evaluated(tiny_spec, trained, tmp_path_factory):
    best = str(trained.result.artifacts["best"])
    settings = {"evaluate.checkpoint": best, "evaluate.split": "validation"}
    return evaluate(tiny_spec(**settings), tmp_path_factory.mktemp("counts"))


def planted(path, *, shift=0, count=40, classes=("a", "b")):
    """Write counts of images of 100 pixels, of which about 80 and a shift are right."""
    right = np.random.default_rng(0).integers(30, 50, (count, len(classes))) + shift
    whole = np.full_like(right, 60)
    names = tuple(map(str, range(count)))
    ImageCounts(names, classes, np.stack([right, whole, whole], 1)).write(path)
    return path


def test_counts_give_every_score_that_evaluate_reports(evaluated):
    counts = ImageCounts.read(evaluated.artifacts["image_counts"])
    assert counts.names == ("0", "1", "2")
    scores = {
        k: v for k, v in evaluated.metrics.items() if k[:7] not in ("val_los", "val_con", "val_ece")
    }
    assert len(scores) > 10
    assert {key: counts.value(key) for key in scores} == pytest.approx(scores)


def test_a_better_model_is_better_by_the_whole_interval_and_an_equal_one_is_not(tmp_path):
    old, new = planted(tmp_path / "old.npz"), planted(tmp_path / "new.npz", shift=5)
    found = compare_evaluations("val_iou_b", old, new)
    assert found.after - found.before == pytest.approx((found.low + found.high) / 2, abs=0.02)
    assert 0 < found.low < found.high and found.images == 40
    same = compare_evaluations("val_miou", old, old)
    assert (same.low, same.high) == (0, 0)


def test_what_cannot_be_compared_is_refused_by_name(tmp_path):
    old = planted(tmp_path / "old.npz")
    with pytest.raises(SpecError, match="val_loss: cannot be computed from the counts of images"):
        compare_evaluations("val_loss", old, old)
    for other in ({"count": 39}, {"classes": ("a", "c")}):
        with pytest.raises(SpecError, match="are evaluations of other images or classes"):
            compare_evaluations("val_miou", old, planted(tmp_path / "new.npz", **other))
    (tmp_path / "text.npz").write_text("no file of numpy")
    with pytest.raises(SpecError, match=r"text\.npz: is not what evaluate wrote"):
        compare_evaluations("val_miou", old, tmp_path / "text.npz")


def test_bounds_hold_the_gain_and_leave_out_what_was_tuned():
    better, worse = np.array([[9, 0], [9, 1], [9, 1]]), np.array([[5, 0], [9, 1], [6, 4]])
    old, new = np.stack([worse] * 10), np.stack([better] * 10)
    found = compared(old, new)
    gain = found.after - found.before
    assert gain > 0 and found.low == pytest.approx(gain) == found.high
    mixed = np.stack([better, worse] * 5)
    assert compared(old, mixed, every_other=True).high == pytest.approx(0)


@pytest.mark.parametrize(("count", "is_certain"), [(1, False), (3, False), (4, False), (5, True)])
def test_few_images_cannot_rule_out_chance(tmp_path, count, is_certain):
    old = planted(tmp_path / "old.npz", count=count)
    found = compare_evaluations("val_miou", old, planted(tmp_path / "n.npz", shift=5, count=count))
    assert found.images == count and found.after > found.before
    assert (found.low > 0, bool(np.isfinite(found.high))) == (is_certain, is_certain)


def test_a_harmed_file_is_refused_by_name(tmp_path):
    path = planted(tmp_path / "new.npz")
    whole = path.read_bytes()
    changed = [bytearray(whole) for _ in range(40)]
    for place, content in enumerate(changed):
        for byte in range(10 * place, 10 * place + 10):
            content[byte] ^= 255
    refused = 0
    for content in (b"", whole[:50], whole[:200], whole[:-30], *changed):
        path.write_bytes(content)
        try:
            ImageCounts.read(path)
        except SpecError as error:
            refused += str(error).startswith(f"{path}: is not what evaluate wrote")
    assert refused >= 34  # A few bytes, of dates for example, harm nothing.
