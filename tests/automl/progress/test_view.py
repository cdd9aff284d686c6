import json
from pathlib import Path

from made import finish, report, start, view_of

from automl.experiment.settings import Settings
from automl.files import json_text
from automl.progress.view import Message, What
from automl.trial.budget import Budget
from automl.trial.objective import Objective

EPOCH = Message(1.5, What.REPORTED, 7, "epoch 1/3", 1, {"score": 0.5})


def test_a_message_is_a_line_and_a_json_object():
    assert EPOCH.line() == "trial 0007 epoch 1/3"
    assert EPOCH.to_dict() == {
        "time": 1.5, "what": "reported", "trial": 7, "text": "epoch 1/3", "epoch": 1,
        "metrics": {"score": 0.5},
    }  # fmt: skip


def test_a_message_of_the_experiment_names_no_trial_and_no_epoch():
    message = Message(1.5, What.CLOSED, None, "finished")
    assert message.line() == "finished"
    assert message.to_dict().keys() == {"time", "what", "trial", "text"}


def test_the_plain_form_of_a_view_is_json():
    settings = Settings("toy", "auto", (Objective("score", "max"),), Budget(4, 3), 0, {})
    events = [start(0), report(0, 1, 0.5), finish(0), start(1), report(1, 1, None)]
    stamped = [{**event, "time": float(place)} for place, event in enumerate(events)]
    view = view_of(Path("exp"), settings, stamped, state="running", now=9.0)
    plain = json.loads(json_text(view.to_dict()))
    assert plain["best"] == {"trial": 0, "value": 0.5, "epoch": 1, "default": 0.5, "gain": None}
    assert plain["states"] == {"completed": 1, "running": 1}
    assert plain["running"][0]["curve"] == [None]
    assert plain["recent"][-1]["what"] == "started"
