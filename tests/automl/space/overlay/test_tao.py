import pytest

from automl.errors import UsageError
from automl.space.overlay.tao import entries_from_tao


def entry(**words):
    return entries_from_tao({"k": words}, source="o.yaml")["k"]


@pytest.mark.parametrize(
    ("words", "low", "high", "log"),
    [
        ({"valid_min": 1, "valid_max": 9}, 1, 9, None),
        ({"valid_min": [1e-4], "valid_max": [1e-1]}, 1e-4, 1e-1, True),
        ({"valid_min": [1e-4], "valid_max": [1e-1], "disable_list": True}, 1e-4, 1e-1, False),
        ({"valid_min": [0.8, 0.9], "valid_max": [0.9, 1.0]}, [0.8, 0.9], [0.9, 1.0], None),
    ],
)
def test_bounds_in_a_list_of_one_number_mean_a_log_scale(words, low, high, log):
    made = entry(**words)
    assert (made.low, made.high, made.log) == (low, high, log)


@pytest.mark.parametrize("options", [["a", "b"], "a, b"])
def test_options_are_a_list_or_a_text_with_commas(options):
    made = entry(valid_options=options, option_weights=[1, 2])
    assert (made.choices, made.weights) == (("a", "b"), (1, 2))


def test_an_entry_names_its_source_and_its_parent():
    made = entry(depends_on="> other")
    assert (made.depends_on, made.source) == ("> other", "o.yaml: custom_param_ranges")


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([], "custom_param_ranges must map keys to ranges"),
        ({"k": 3}, "k: 3 is not a mapping of valid_min"),
        ({"k": {"min": 1}}, "unknown key 'min'; did you mean valid_min"),
        ({"k": {"choices": [1]}}, "unknown key 'choices'; did you mean valid_options"),
        ({"k": {"valid_min": "low"}}, "valid_min 'low' is not a finite number"),
        ({"k": {"valid_max": [float("inf")]}}, "is not a finite number"),
        ({"k": {"valid_options": []}}, r"valid_options \[\] must be a list"),
        ({"k": {"disable_list": "yes"}}, "disable_list 'yes' must be true or false"),
        ({"k": {"depends_on": 3}}, "depends_on 3 must be a key"),
    ],
)
def test_anything_else_is_refused_with_its_place(ranges, message):
    with pytest.raises(UsageError, match=f"^o.yaml: .*{message}"):
        entries_from_tao(ranges, source="o.yaml")


def test_all_faults_are_named_at_once():
    with pytest.raises(UsageError) as error:
        entries_from_tao({"a": 3, "b": {"low": 1}}, source="o.yaml")
    assert len(error.value.faults) == 2
