from automl.plan.plan import plan_from_request
from automl.request.options import RUN_OPTIONS
from automl.request.request import Request

OF_THE_TERMINAL = {"help", "json", "quiet", "dry_run"}
"""Flags of the output, which are no options of the run."""


def test_every_flag_of_run_is_a_key_and_every_key_is_a_flag(parser):
    flags = {a.dest for a in parser._actions if a.option_strings}
    assert flags - OF_THE_TERMINAL == {name for name, option in RUN_OPTIONS.items() if option.flag}
    assert RUN_OPTIONS.keys() - flags == {"spec"}


def test_the_defaults_that_are_told_hold(toy_data):
    request = Request(skill="toy", data=str(toy_data), **{"tracker": "none"})
    plan = plan_from_request(request)
    settings = plan.settings
    told = {name: option.default for name, option in RUN_OPTIONS.items() if option.default}
    held = {
        "trials": settings.budget.trials,
        "confirm_seeds": settings.confirm_seeds,
        "stop_rule": settings.stop_rule,
        "algorithm": settings.algorithm,
        "policy": settings.policy,
        "seed": settings.seed,
        "tracker": Request(skill="toy").tracker,
    }
    assert {name: told[name] for name in held} == {n: str(value) for n, value in held.items()}
