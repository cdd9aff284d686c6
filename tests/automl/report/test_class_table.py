import pytest

from automl.report.class_table import metric_lines

MEASURES = ("iou", "f1", "precision", "recall")


def test_metrics_by_class_are_a_table_and_the_others_follow_it():
    classes = ("road", "traffic_light", "traffic_sign")
    by_class = {f"test_{m}_{c}": 0.5 for m in MEASURES for c in classes}
    lines = metric_lines({"test_loss": 0.25, "test_miou": 0.5, **by_class})
    assert lines[0].split() == ["class", *MEASURES]
    assert [line.split()[0] for line in lines[1:4]] == list(classes)
    assert lines[4:] == ["  test_loss 0.2500, test_miou 0.5000"]


def test_eleven_classes_are_twelve_lines_of_less_than_eighty_characters():
    lines = metric_lines({f"test_{m}_class_{c}": 0.123 for m in MEASURES for c in range(11)})
    assert len(lines) == 12 and max(map(len, lines)) < 80


@pytest.mark.parametrize("metrics", [{"score": 0.5}, {"test_miou": 0.5, "test_acc": 0.25}, {}])
def test_metrics_without_classes_make_no_table(metrics):
    lines = metric_lines(metrics)
    assert lines == (
        [f"  {', '.join(f'{k} {v:.4f}' for k, v in metrics.items())}"] if metrics else []
    )


def test_a_name_and_its_value_stay_on_one_line():
    lines = metric_lines({f"metric_{n}": n / 10 for n in range(1, 9)})
    assert len(lines) > 1 and all(part.count(" ") == 1 for line in lines
                                  for part in line.strip(" ,").split(", "))  # fmt: skip
