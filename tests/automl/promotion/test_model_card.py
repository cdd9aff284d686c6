import pytest
from made import finish, made_experiment, report, start

from automl.promotion.model_card import model_card
from automl.skill.installed import load_skill


@pytest.fixture
def card(tmp_path):
    """Return a function that makes the card of a trial, with more facts of its parity."""
    experiment = made_experiment(
        tmp_path / "exp", start(0, {"train.lr": 0.25}), report(0, 1, 0.6), finish(0),
        spec={"train": {"lr": 0.1}}, data={"images": 12, "leaks": ""}, versions={"torch": "2.13"},
    )  # fmt: skip

    def make(test=None, calibration=(), **parity):
        facts = {"metric": "score", "checkpoint": 0.6, "onnx": 0.6, "difference": 0.0, "epoch": 1,
                 **parity}  # fmt: skip
        promotion = {"trial": 0, "parity": facts, "test": test or {}, "warnings": ["no luck"],
                     "weights": {}, "commit": "abc", "classes": {"cell": 0.5},
                     "calibration": dict(calibration)}  # fmt: skip
        return model_card(experiment, load_skill("toy").info, promotion)

    return make


def test_it_names_model_data_settings_and_versions(card):
    text = card()
    assert text.startswith("# toy, trial 0000 of exp\n")
    assert "## Classes (validation)\n| class | score |\n| --- | --- |\n| cell | 0.5000 |\n" in text
    for line in (
        "| data | images 12, leaks none |",
        "| ONNX Runtime | 0.600000 | none |",
        ", commit abc |",
        "  lr: 0.25",
        "Versions: torch 2.13",
    ):
        assert line in text


def test_initial_weights_are_named_with_their_licence(tmp_path):
    weights = {"source": "package:x", "licence": "CC-BY-NC"}
    experiment = made_experiment(tmp_path / "exp", start(0, {}))
    parity = {"metric": "score", "checkpoint": 0.6, "onnx": 0.6, "difference": 0.0, "epoch": 1}
    promotion = {"trial": 0, "parity": parity, "test": {}, "warnings": [], "weights": weights,
                 "commit": None, "classes": {}}  # fmt: skip
    text = model_card(experiment, load_skill("toy").info, promotion)
    assert "| initial weights | package:x (CC-BY-NC) |\n| licence | not stated; the lic" in text


def test_what_the_model_lacks_stands_before_its_verification(card):
    assert "\n## Warnings\n- no luck\n\n## Verification" in card()


def test_conversions_are_rows_measured_or_not(card):
    text = card(int8={"file": "q.onnx", "value": 0.59, "drop": 0.01},
                engine={"file": "m.engine", "value": None})  # fmt: skip
    assert "| int8 (q.onnx) | 0.590000 | +1.0e-02 worse |" in text
    assert "| engine (m.engine) | not measured here |  |" in text


def test_speed_has_a_section_only_if_it_was_measured(card):
    assert "## Speed" not in card()
    text = card(latency={"onnx": {"latency_p50_ms": 1.5}}, machine="a processor")
    assert "On a processor; " in text and "| onnx | 1.5 | - |" in text


def test_the_test_split_is_listed_metric_by_metric(card):
    assert "| score | 0.5000 |\n| loss | - |" in card(test={"score": 0.5, "loss": None})


def test_calibration_has_a_section_only_if_both_errors_were_measured(card):
    assert "## Calibration" not in card(calibration={"val_ece": 0.1})
    errors = {"temperature": 1.5, "val_ece": 0.1, "val_ece_calibrated": 0.02, "test_ece": 0.2,
              "test_ece_calibrated": 0.05}  # fmt: skip
    text = card(calibration=errors)
    assert "one temperature, 1.5, before" in text
    assert "| val | 0.1000 | 0.0200 |\n| test | 0.2000 | 0.0500 |" in text


def test_the_best_batch_has_a_table_of_its_own(card):
    speed = {"latency_p50_ms": 1.5}
    assert "most images a second" not in card(latency={"onnx": speed}, machine="x")
    best = {"best_batch_size": 4, "best_batch_p50_ms": 4.5, "best_batch_images_per_s": 888}
    text = card(latency={"onnx": {**speed, **best}, "checkpoint": speed}, machine="x")
    assert (
        "The batch that makes the most images a second:\n\n| model | images in the best batch |"
        in text
    )
    assert "| onnx | 4 | 4.5 | - | 888 |" in text


def test_what_another_programs_scaling_changes_is_stated(card):
    text = card(deepstream={"file": "deepstream/model.onnx", "bilinear_changed_pixels": 0.0123})
    assert "In deepstream: bilinear changed pixels 1.23%." in text


def test_a_busy_machine_and_the_gain_of_int8_are_named(card):
    speed = {"latency_p50_ms": 1.5, "latency_load": 0.1}
    text = card(latency={"onnx": speed}, machine="a processor")
    assert "busy" not in text and "times as fast" not in text
    int8 = {"file": "q.onnx", "value": 0.6, "drop": 0.0, "speedup": 1.312}
    text = card(latency={"onnx": {**speed, "latency_load": 3.2}}, machine="x", int8=int8)
    assert "busy (3.2 processes wanted each core)" in text
    assert "int8 is 1.31 times as fast as onnx" in text
