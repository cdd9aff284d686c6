"""Whether cheap looks foretell a full training."""

import json

import numpy as np
import pytest

from experiments.segbench import fidelities
from experiments.segbench.fidelities import FULL, LOOKS


def test_a_part_of_the_training_images_is_kept_with_their_masks(tmp_path):
    for share, count in ((1.0, 8), (0.5, 4)):
        fidelities.data_of("cells-few", share, {}, tmp_path)
        for kind in ("images", "masks"):
            assert len(list((tmp_path / "cells-few" / kind / "train").iterdir())) == count
            assert len(list((tmp_path / "cells-few" / kind / "val").iterdir())) == 12


@pytest.fixture
def rows():
    """Return trainings of five configurations: small images rank them as full ones, few do not."""
    made = {}
    for task in fidelities.TASKS:
        for look, (_, share) in LOOKS.items():
            for number in range(5):
                end = 0.6 + 0.05 * (number if share == 1.0 else -number)
                curve = np.linspace(0.2 + 0.01 * number, end, 12).tolist()
                seconds = 10.0 if look == FULL else 2.5
                row = {"val_miou": curve, "processor_s": seconds, "fault": None}
                made[task, look, number] = row
    return made


def test_the_table_has_cost_correlation_and_regret_of_each_look(rows):
    table = fidelities.table_of(rows, "isbi")
    assert table["48 px"] == pytest.approx((0.25, 1.0, 0.0))
    assert table["half of the images"][1:] == pytest.approx((-1.0, 2.0))
    assert table["3 epochs"][:2] == pytest.approx((0.25, 1.0))


def test_a_configuration_that_lacks_a_look_is_left_out(rows):
    del rows["isbi", "64 px", 4]
    assert fidelities.table_of(rows, "isbi")["half of the images"][2] == pytest.approx(2.0)
    rows["isbi", "48 px", 0]["val_miou"] = [0.9]
    assert fidelities.table_of(rows, "isbi")["48 px"][2] == pytest.approx(2.0)


def test_the_report_has_a_line_for_each_look(rows, tmp_path, capsys):
    fidelities.report(rows)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(fidelities.FIRST_EPOCHS) + len(LOOKS) - 1
    path = tmp_path / "fidelities.jsonl"
    names = ("task", "look", "configuration")
    path.write_text(
        "".join(
            json.dumps({**dict(zip(names, key, strict=True)), **row}) + "\n"
            for key, row in rows.items()
        )
    )
    assert fidelities.trainings_of(path).keys() == rows.keys()
