import io
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from automl.experiment.pace import Limit, TimeLeft
from automl.machine.load import machine_load
from automl.progress import panels
from automl.progress.screen import MAX_RUNNING, Screen
from automl.progress.view import BestSoFar, Message, RankedTrial, RunningTrial, View, What


def view(*, running=2, recent=30, ranking=9, **changes):
    told = Message(0.0, What.PAUSED, 3, "paused: rank 2 of 8 at epoch 3, " + "a long reason " * 20)
    curve = (0.1, 0.2, math.nan, 0.4)
    one = [RunningTrial(n, 4, 50, 0.4, curve, 75.0, "the defaults") for n in range(running)]
    ranked = [RankedTrial(n, 0.9 - n / 100, 4, 4, 50, "paused", "lr=0.1") for n in range(ranking)]
    plain = {
        "experiment": "runs/sample", "state": "running", "phase": "searching", "algorithm": "auto",
        "metric": "val_miou", "mode": "max", "seconds": 3725.0, "epochs": 120,
        "limits": (Limit("trials", 5, 20), Limit("epochs", 120, 900, is_asked=False),
                   Limit("seconds", 3725.0, 7200.0)),
        "left": TimeLeft(2400.0, is_at_most=True),
        "best": BestSoFar(17, 0.7692, 10, 0.1919, 0.5773), "best_curve": (0.1, 0.3, 0.7692),
        "running": tuple(one), "states": {"running": running, "failed": 1},
        "failures": {"out_of_memory": 1}, "recent": (told,) * recent, "model": None,
        "time": 0.0, "measured": ranking, "ranking": tuple(ranked), "failure": None,
    }  # fmt: skip
    return View(**{**plain, **changes})


def drawn(shown, *, width=80, height=24, importances=(), **options):
    file = io.StringIO()
    console = Console(file=file, width=width, height=height, **options)
    console.print(Screen(shown, importances=dict(importances)))
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width):
    text = drawn(view(), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.splitlines()[-1].endswith("…")


def test_a_limit_of_the_cost_has_its_row():
    assert "1.25/20.00" in drawn(view(limits=(Limit("cost", 1.25, 20.0),)))


def test_it_says_budget_time_left_best_gain_running_and_why(width=80):
    text = drawn(view(), width=width)
    for part in (
        "runs/sample  searching by auto", "running  1:02:05", " 5/20", "120/900 at most",
        " 1:02:05/2:00:00",
        "at most about 40 min of search, until ", "; 120 epochs took 1:02:05",
        "best so far: 0.1000 to 0.7692 in 3 epochs", "0.1 to 0.769",
        "val_miou 0.7692  trial 0017 epoch 10  +0.5773 over the default 0.1919",
        "2 running, 1 failed", "1 out of memory", "4/50", "▁▂ ▄",
        "0003 paused: rank 2 of 8 at epoch 3",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("height", [24, 30, 50])
@pytest.mark.parametrize("running", [0, 1, 4])
def test_it_is_no_higher_than_the_terminal(height, running):
    assert len(drawn(view(running=running), height=height).splitlines()) < height


def test_more_running_trials_than_fit_are_counted():
    text = drawn(view(running=MAX_RUNNING + 3), height=60)
    assert "and 3 more" in text and f"{MAX_RUNNING:04d}" not in text.split("time")[-1][:700]


def test_a_best_that_does_not_grow_is_said_in_words_instead_of_equal_blocks():
    text = drawn(view(best_curve=(0.5,) * 7))
    assert "no better than at first for 7 epochs" in text and "best so far" not in text


def test_it_says_so_where_nothing_is_known_yet():
    text = drawn(
        view(left=None, best=None, best_curve=(), running=0, recent=0, ranking=0, states={})
    )
    assert "known after the first steps" in text and "best" not in text


def test_no_color_is_obeyed(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = drawn(view(), force_terminal=True, color_system="truecolor")
    assert "\x1b[3" not in text  # No colour; bold and dim may stay.
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[3" in drawn(view(), force_terminal=True, color_system="truecolor")


def test_a_terminal_without_unicode_gets_ascii():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=file, width=80, height=30).print(Screen(view()))
    file.seek(0)
    assert file.read().isascii()


FAILURE = Message(
    0.0, What.FAILED, 4, "failed (diverged): the loss became NaN; use a smaller learning rate than "
    "0.3 (log: runs/a_rather_long_name_of_an_experiment/trials/0004/log.txt)",
)  # fmt: skip


@pytest.mark.parametrize("height", [24, 30, 50])
@pytest.mark.parametrize("running", [0, 4])
def test_the_last_failure_is_whole_with_its_advice_and_log(height, running):
    text = drawn(view(running=running, failure=FAILURE), height=height)
    whole = " ".join(text.split())
    assert "use a smaller learning rate than 0.3" in whole and "trials/0004/log.txt)" in whole
    assert len(text.splitlines()) < height


def test_a_failure_as_long_as_a_screen_keeps_its_beginning_and_its_end():
    lines = panels.wrapped("failed " + "word " * 500 + "(log: here)", 80)
    assert len(lines) == panels.FAILURE_LINES
    assert lines[0].startswith("failed") and lines[-1].endswith("(log: here)")


def test_a_high_screen_has_the_best_trials_of_any_state_and_a_low_one_more_messages():
    assert "0008" not in drawn(view(running=4), height=24).split("state")[-1]
    high = drawn(view(running=4, recent=40), height=50)
    assert high.count(" paused ") >= 9 and "0.9000" in high
    assert len(high.splitlines()) >= 40


def test_long_values_and_reasons_are_cut_and_leave_the_other_columns_whole():
    ranked = [RankedTrial(n, 0.9, 4, 4, 50, "completed", "lr=0.1, " * 30) for n in range(5)]
    curve = (0.1, 0.2) * 25
    running = [RunningTrial(9, 44, 50, 0.4, curve, 75.0, "a long reason " * 9)]
    shown = view(recent=0, ranking=0)
    text = drawn(replace(shown, ranking=tuple(ranked), running=tuple(running)), height=40)
    assert max(map(len, text.splitlines())) <= 80
    for column in ("0004", "0.9000", "4/50", "completed", "0009", "44/50", "0.4000", "1:15"):
        assert column in text


def test_the_load_of_the_machine_has_a_line():
    file = io.StringIO()
    Console(file=file, width=80, height=24).print(Screen(view(), machine=machine_load()))
    assert re.search(r"machine  load \d+\.\d on \d+ cores, memory [\d.]+ [GM]B of", file.getvalue())


SHARES = {"train.optim.lr": 0.61, "train.optim.weight_decay": 0.3, "model.drop": 0.004}


def test_a_high_screen_has_the_importances_by_short_name_and_says_from_how_few_trials():
    text = drawn(view(), height=50, importances=SHARES)
    assert re.search(r"\nlr +61% +━━", text) and re.search(r"\ndrop +0%", text)
    assert "a hint, from 9 trials" in text
    assert len(text.splitlines()) < 50
    assert "a hint" not in drawn(replace(view(), measured=31), height=50, importances=SHARES)


def test_importances_leave_a_low_screen_to_what_a_user_must_act_on():
    text = drawn(view(running=4, failure=FAILURE), importances=SHARES)
    assert "importance" not in text and "trials/0004/log.txt)" in " ".join(text.split())
    assert len(text.splitlines()) < 24
