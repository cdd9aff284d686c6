"""Writes an experiment of the toy skill that is ready to be driven in this process."""

from automl.experiment.resources import Resources
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest


def write_toy_experiment(root, data, *, seed=0, policy="auto", overrides=None, **search):
    """Write the experiment and return its folder; `search` are options of the search."""
    toy_plan(root, data, seed=seed, policy=policy, overrides=overrides, **search).write()
    return root


def toy_plan(root, data, *, seed=0, policy="auto", overrides=None, **search):
    """Return the plan of such an experiment."""
    request = Request(
        skill="toy",
        data=str(data),
        out=root,
        seed=seed,
        policy=policy,
        search=SearchRequest(**{"epochs": 4, "trials": 8, **search}),
        overrides=overrides or {},
        resources=Resources(runner="local"),
        tracker="none",
    )
    return plan_from_request(request)
