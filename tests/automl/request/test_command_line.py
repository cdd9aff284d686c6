from pathlib import Path

import pytest
import yaml

from automl.errors import UsageError
from automl.request.command_line import options_from_words


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["trials=3", "--trials", "4"], "--trials 4 and trials=3 disagree; give one of them"),
        (["trials=x"], "key=value: trials: 'x' is not allowed: must be a whole number"),
        (["other.yaml"], "one experiment file at a time"),
        (["words"], "'words' is not understood: .* an experiment file ends in .yaml"),
    ],
)
def test_a_fault_of_the_command_is_one_line(ask, words, match):
    with pytest.raises(UsageError, match=match):
        ask("skill: toy", *words)


def test_a_setting_of_the_skill_is_not_taken_for_a_key_of_the_file(ask, tmp_path):
    """A skill may have a setting named `seed`; --seed is then the only way to say the search's."""
    folder = tmp_path / "skill"
    (folder / "references").mkdir(parents=True)
    (folder / "schemas").mkdir()
    info = {"name": "own", "automl_enabled": True, "epochs_key": "epochs",
            "actions": {"train": {"command": "x {config_path}"}},
            "objective": {"metric": "m", "mode": "max"}}  # fmt: skip
    (folder / "references" / "skill_info.yaml").write_text(yaml.safe_dump(info))
    (folder / "schemas" / "train.schema.json").write_text(
        '{"type": "object", "properties": {"seed": {"type": "integer", "default": 1}}}'
    )
    request = ask(f"skill: {folder}", "seed=7", "--seed", "3", "trials=2")
    assert (request.seed, request.overrides, request.search.trials) == (3, {"seed": 7}, 2)


def test_words_are_a_file_options_and_settings():
    words = ["mine.yaml", "trials=5", "train.lr=0.1", "skill=toy"]
    file, options = options_from_words(words, {"seed": 3})
    assert file == Path("mine.yaml")
    assert options == {"seed": 3, "trials": 5, "skill": "toy", "spec": {"train.lr": 0.1}}


def test_an_option_may_be_given_twice_with_one_value():
    assert options_from_words(["skill=toy", "trials=5"], {"trials": 5})[1]["trials"] == 5
