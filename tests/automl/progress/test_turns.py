import threading

import pytest

from automl.progress.turns import in_turns


def test_the_work_waits_for_its_reader_and_ends_with_its_last_stage():
    done = []

    def work(hand_over):
        for stage in range(3):
            done.append(stage)
            hand_over(stage)
        done.append("end")

    seen = []
    for stage in in_turns(work):
        seen.append((stage, list(done)))
    assert seen == [(0, [0]), (1, [0, 1]), (2, [0, 1, 2])] and done[-1] == "end"


def test_an_error_of_the_work_is_raised_where_it_is_read():
    def work(hand_over):
        hand_over(1)
        raise ValueError("wrong")

    stages = in_turns(work)
    assert next(stages) == 1
    with pytest.raises(ValueError, match="wrong"):
        next(stages)


def test_leaving_interrupts_the_work_and_waits_for_its_end():
    ended = []

    def work(hand_over):
        try:
            while True:
                hand_over("stage")
        except KeyboardInterrupt:
            ended.append(threading.current_thread().name)
            raise

    stages = in_turns(work)
    next(stages)
    stages.close()
    assert ended == ["search"]


def test_nothing_handed_over_is_no_stage():
    assert list(in_turns(lambda hand_over: None)) == []
