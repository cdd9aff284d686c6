"""Checked requests for `automl run --skill segformer`, of which the scripts train single trials."""

from collections.abc import Mapping
from typing import Any

from automl.plan.plan import Plan, plan_from_request
from automl.request.parsing import parsed_options
from automl.request.request import request_from_options
from automl.schema.spec import with_values


def plan_of(**options: Any) -> Plan:
    """Return the plan of a search with these options, by their names in Python; nothing is run."""
    parsed = parsed_options(
        {"skill": "segformer", **options}, source="plan_of", are_texts_typed=True
    )
    return plan_from_request(request_from_options(parsed))


def spec_of_trial(plan: Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of a trial with these values."""
    return with_values(plan.settings.spec, plan.settings.spec_values(values))
