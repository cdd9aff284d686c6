"""Fixtures of the command line: a run of the toy skill in this process, without a tracker."""

import pytest

LOCAL = ("--runner", "local", "--tracker", "none")


@pytest.fixture
def run(automl, toy_data):
    """Return a function that runs `automl run` on the toy skill."""

    def call(*words, **options):
        return automl("run", "--skill", "toy", "--data", toy_data, *LOCAL, *words, **options)

    return call
