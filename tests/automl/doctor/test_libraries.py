import pytest
from packaging.requirements import Requirement

from automl.doctor.check import OK, PROBLEM
from automl.doctor.libraries import checks_of, extra_of, required


def requirements(*texts):
    return [Requirement(text) for text in texts]


def test_a_library_that_is_missing_or_old_is_a_problem_with_the_command():
    check = required("search", requirements("optuna>=4", "no-such-library", "rich>=999"))
    assert check.status == PROBLEM
    assert check.found.startswith("no-such-library is missing, rich ")
    assert check.found.endswith(" is not >=999")
    assert check.advice.startswith("pip install")
    assert required("search", requirements("optuna>=4")).status == OK


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ('ray[tune]>=2.50; extra == "ray"', "ray"),
        ("x>=1; python_version >= '3.11' and extra == 'all'", "all"),
        ("rich>=13.8", ""),
        ("rich>=13.8,<99,!=14.0; python_version >= '3'", ""),
    ],
)
def test_the_extra_of_a_requirement_is_read_from_its_marker(text, extra):
    assert extra_of(Requirement(text)) == extra


def test_what_all_includes_is_required_and_other_extras_are_only_listed():
    checks = checks_of("ours", requirements(
        "rich", 'optuna; extra == "search"', 'no-such-library; extra == "rare"',
        'ours[search]; extra == "all"',
    ))  # fmt: skip
    assert [(c.name, c.status) for c in checks] == [
        ("libraries", OK), ("libraries (search)", OK), ("extras", OK),
    ]  # fmt: skip
