import pytest

from automl.report.page import importances

SHARES = {"a": 0.7, "b": 0.3}


def test_importance_is_drawn_largest_on_top():
    bars, texts = importances.chart(SHARES)["data"]
    assert (bars["y"], texts["text"]) == (["b", "a"], ["30.0%", "70.0%"])
    assert "error_x" not in bars


def test_labels_are_short_and_bars_have_whole_keys():
    figure = importances.chart({"train.optim.lr": 0.7, "model.size": 0.2, "data.size": 0.1})
    axis = figure["layout"]["yaxis"]
    names = [text.rstrip() for text in axis["ticktext"]]  # Blanks keep them off the bars.
    assert dict(zip(axis["tickvals"], names, strict=True)) == {
        "train.optim.lr": "lr", "model.size": "model.size", "data.size": "data.size",
    }  # fmt: skip
    assert figure["data"][0]["y"] == axis["tickvals"]


def test_intervals_are_whiskers_beyond_which_the_figures_stand():
    bars, texts = importances.chart(SHARES, {"a": (0.4, 0.9), "b": (0.1, 0.35)})["data"]
    assert bars["error_x"]["array"] == pytest.approx([0.05, 0.2])
    assert bars["error_x"]["arrayminus"] == pytest.approx([0.2, 0.3])
    assert bars["customdata"] == ["30.0% (10% to 35%)", "70.0% (40% to 90%)"]
    assert all(x > high for x, high in zip(texts["x"], (0.35, 0.9), strict=True))


def test_a_share_outside_its_interval_widens_it():
    bars = importances.chart(SHARES, {"a": (0.71, 0.9), "b": (0.1, 0.2)})["data"][0]
    assert min(*bars["error_x"]["array"], *bars["error_x"]["arrayminus"]) == 0
