import time
from pathlib import Path

import pytest
import yaml

from automl.errors import UsageError
from automl.request.phrases import LONGEST, read_request, says_off

FILES = ("phrases.yaml", "phrases_later.yaml", "phrases_kinds.yaml", "phrases_unseen.yaml")

OFF = """
turn off AutoML
Turn AutoML off, please
TURN OFF AUTOML
please turn-off auto-ml for this run
disable AutoML
disable the HPO
Disabling AutoML for now
no HPO
train it, no HPO please
no  hpo
No H.P.O. this time
plain training
Plain-Training only
just a plain training run
train it plainly
train without hyperparameter search
without hyper-parameter optimisation
no hyperparameter optimization needed
no hyper parameter tuning
skip AutoML
skip the hyperparameter sweep and train
don't use AutoML
Don’t run HPO
dont use automl
do not run any AutoML
I don't want AutoML
we do not need hyperparameter tuning
never use AutoML here
automl: off
automl=off
automl_policy=off
automl policy: off
Auto ML off
AutoML should be turned off
AutoML is not needed
with AutoML disabled
keep AutoML off
leave AutoML out
leave out AutoML
Could you turn off AutoML?
can you train it without HPO?
train SegFormer w/o AutoML
switch AutoML off
I do not have much time, turn off AutoML
if possible, no HPO
no automl or tensorboard
automl aus? no automl
train it without using AutoML
bypass AutoML
No AutoML!
train it (no HPO)
opt out of AutoML
deactivate automl and train
don't do HPO
Not today: no AutoML
no need for AutoML
there's no need for HPO
"""
"""One request a line that leaves AutoML off."""

NOT_OFF = """
train it
train it with AutoML
don't turn off AutoML
Don't disable AutoML
do not turn AutoML off
please do not ever switch off AutoML
never disable AutoML
don’t skip HPO
no need to turn off AutoML
without disabling AutoML
do not do plain training
no plain training, please
not a plain training
I don't want plain training
avoid plain training
instead of plain training use AutoML
rather than plain training, search
AutoML must not be turned off
AutoML should not be disabled
never train without HPO
do not train without AutoML
turn off the augmentation, use AutoML
turn off augmentation and run HPO
disable blur, then run AutoML
no blur, with HPO
disable AutoML logging
no HPO errors please
turn off AutoML notifications
without AutoML warnings
use plain training images
plain training data with AutoML
what happens if I turn off AutoML
why is AutoML turned off
if you turn off AutoML it is faster
last time AutoML was disabled
AutoML was turned off yesterday, use it now
turn on AutoML
AutoML on
automl: on
no problem, use AutoML
there were no HPO trials
run automl no matter what
HPO, no doubt
automl_policy=auto
offline training
train directly on s3 data
direct training output to /tmp
explain training
automatic mixed precision off
the hpo is not done yet
no more than 5 HPO trials
no HPO budget limit
no limit on AutoML
don't leave AutoML off
don't keep AutoML off
do not leave out AutoML
isn't AutoML off
AutoML without flips
HPO without the backbone
use AutoML but skip augmentation
no automl failures
do not opt out of AutoML
it's not that I want no HPO
"""
"""One request a line that does not: negated, supposed, asked, past, or about something else."""


def phrases(kind):
    """Return the phrases of the files that ask for a search, or for none."""
    folder = Path(__file__).parent
    files = [yaml.safe_load((folder / name).read_text()) for name in FILES]
    return [text for file in files for texts in file[kind].values() for text in texts]


@pytest.mark.parametrize("text", phrases("off"))
def test_a_phrase_that_asks_for_no_search_is_understood(text):
    assert says_off(text)


@pytest.mark.parametrize("text", phrases("search"))
def test_a_phrase_that_wants_a_search_gets_one(text):
    assert not says_off(text)


@pytest.mark.parametrize("text", OFF.strip().splitlines())
def test_a_request_that_leaves_automl_off_is_understood(text):
    assert says_off(text)
    assert says_off(f"Train SegFormer on my data. {text}")
    assert says_off(text.upper())


@pytest.mark.parametrize("text", NOT_OFF.strip().splitlines())
def test_a_request_that_does_not_is_not_mistaken(text):
    assert not says_off(text)
    assert not says_off(f"Train SegFormer on my data. {text}")
    assert not says_off(text.upper())


def test_nothing_said_is_nothing_off():
    assert not says_off("") and not says_off("\n ?!")


@pytest.mark.parametrize("words", ["prefer ", "prefer x ", "rather ", "prefer over the "])
def test_the_time_to_read_a_text_grows_with_its_length_alone(words):
    def seconds(count):
        begun = time.process_time()
        assert not says_off(words * count)
        return time.process_time() - begun

    assert min(seconds(600) for _ in range(5)) < 9 * min(seconds(150) for _ in range(3))


@pytest.mark.parametrize(
    "than", ["I prefer one run with fixed settings over", "rather one run than"]
)
def test_a_run_preferred_to_a_search_turns_it_off(than):
    assert says_off(f"{than} AutoML")


HOSTILE = [
    "(a",
    "- ",
    "n'",
    "搜索",
    "automl? ",
    "prefer a ",
    "no need to tune the ",
    "says ' ",
    "if ",
]
"""Words whose repetition costs the reader most."""


@pytest.mark.parametrize("words", HOSTILE)
def test_the_longest_request_is_read_in_a_moment(words):
    text = (words * LONGEST)[:LONGEST]
    begun = time.process_time()
    read_request(text)
    assert time.process_time() - begun < 1


def test_a_longer_request_is_refused():
    with pytest.raises(UsageError, match="100,000 characters; at most 10,000"):
        read_request("a" * 100_000)


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("AutoML? No thanks.", "AutoML? No thanks."),
        ("Train it. HPO = no", "HPO no"),
        ("If AutoML is on, turn it off and train", "turn it off"),
        ("My boss says no AutoML", "My boss says no AutoML"),
    ],
)
def test_the_note_quotes_the_words_that_decided(text, off):
    assert read_request(text).off == off
