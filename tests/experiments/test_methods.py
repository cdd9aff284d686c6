"""The version of a method: a digest of its code alone."""

import pytest

from experiments.benchmarks.methods import digest_of_code, version_of

CODE = '''"""A module."""
import math

LIMIT = 3
"""A limit."""

def area(radius):
    """Return an area."""
    return math.pi * radius**2  # Of a circle.
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module.", "Another text."),
        ("A limit.", "The most."),
        ("Return an area.", "Return the area of a circle."),
        ("# Of a circle.", "# A disc."),
        ("import math", "import cmath\nimport math"),
        ("radius**2", "(radius ** 2)"),
    ],
)
def test_words_imports_and_layout_do_not_change_the_version(old, new):
    assert old in CODE
    assert digest_of_code([CODE.replace(old, new)]) == digest_of_code([CODE])


@pytest.mark.parametrize(("old", "new"), [("LIMIT = 3", "LIMIT = 4"), ("radius**2", "radius**3")])
def test_a_change_of_the_code_changes_the_version(old, new):
    assert digest_of_code([CODE.replace(old, new)]) != digest_of_code([CODE])


def test_the_order_of_the_modules_does_not_matter_and_their_number_does():
    assert digest_of_code(["a = 1", "b = 2"]) == digest_of_code(["b = 2", "a = 1"])
    assert digest_of_code(["a = 1"]) != digest_of_code(["a = 1", "b = 2"])


def test_the_methods_here_have_a_digest_and_the_rivals_a_release():
    assert version_of("auto") != version_of("random") == version_of("hyperband")
    for method, release in [("dehb", "dehb"), ("syne-asha", "syne-tune"),
                            ("neps-priorband", "neural-pipeline-search")]:  # fmt: skip
        assert version_of(method).startswith(f"1/{release}==")
