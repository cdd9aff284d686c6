"""Compares a search space, which somebody may have edited, with the schema of its spec."""

from collections.abc import Iterator
from typing import Any

from automl.errors import Fault, UsageError
from automl.schema.schema import Schema
from automl.space.domain import Choices, Domain
from automl.space.space import SearchSpace


def check_bounds(space: SearchSpace, schema: Schema) -> None:
    """Raise `UsageError` for values of space.yaml that the schema refuses: no trial could train."""
    faults = [
        fault
        for key, parameter in space.parameters.items()
        if key in schema.fields
        for domain in parameter.domains()
        for value in _outermost(domain)
        for fault in schema.value_faults(key, value)
    ]
    if faults:
        raise UsageError(*(_in_space(fault) for fault in dict.fromkeys(faults)))


def _outermost(domain: Domain) -> Iterator[Any]:
    if isinstance(domain, Choices):
        yield from domain.values
    else:
        yield from (domain.value_at(0.0), domain.value_at(1.0))


def _in_space(fault: str) -> Fault:
    text = f"space.yaml: {fault}"
    return fault.with_text(text) if isinstance(fault, Fault) else Fault(text)
