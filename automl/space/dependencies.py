"""Orders parameters by dependency and narrows the domain of each parent.

Each parameter has at most one parent, so the relations form trees. From the leaves up, each parent
is narrowed to the values that leave every active child at least one. Sampling from the roots down
then never has to backtrack (arc consistency on trees: Freuder, JACM 1982).
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from automl.errors import UsageError
from automl.schema.values import identity
from automl.space.domain import Choices, Domain
from automl.space.narrowing import beside_fixed, for_child, given_parent
from automl.space.parameter import Parameter

MOST_CASES = 4096
"""Most settings of the switches around a parent that are checked."""

IsActive = Callable[[Parameter, Mapping[str, Any]], bool]


class Dependencies:
    """The parents, children and switches within a set of parameters, held ones included."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._all = parameters
        self.held = {key: p for key, p in parameters.items() if p.is_held}
        self._parameters = {key: p for key, p in parameters.items() if not p.is_held}
        self.children: dict[str, list[Parameter]] = {}
        for parameter in parameters.values():
            if parameter.relation and parameter.relation.parent in self._parameters:
                self.children.setdefault(parameter.relation.parent, []).append(parameter)
        self.order = self._ordered()
        place = {key: number for number, key in enumerate(self.order)}
        self._undecided = {
            key
            for parent in self.children
            for key in self.descendants(parent)
            if any(place[s] >= place[parent] for s in self._switches(key))
        }
        self._narrowed: dict[tuple[str, frozenset[str]], Domain] = {}

    def descendants(self, key: str) -> Iterator[str]:
        """Yield the children of a parameter and theirs."""
        for child in self.children.get(key, ()):
            yield child.key
            yield from self.descendants(child.key)

    def domain(
        self,
        parameter: Parameter,
        base: Mapping[str, Any],
        values: Mapping[str, Any],
        is_active: IsActive,
    ) -> Domain:
        """Return the domain of a parameter, given the values of those before it."""
        domain, relation = parameter.domain, parameter.relation
        if parameter.key in self.children:
            domain = self.narrowed(parameter.key, self._active_below(parameter, values, is_active))
        if relation is None:
            return domain
        # A parent that is inactive or not searched has its value of the base spec.
        value = values.get(relation.parent, base.get(relation.parent))
        return _left(given_parent(domain, relation, value), parameter, f"= {value!r}")

    def _active_below(
        self, parameter: Parameter, values: Mapping[str, Any], is_active: IsActive
    ) -> frozenset[str]:
        return frozenset(
            key
            for key in self.descendants(parameter.key)
            if key in self._undecided or is_active(self._all[key], values)
        )

    def narrowed(self, key: str, active: frozenset[str]) -> Domain:
        """Return the part of a domain that leaves each active descendant a value."""
        cached = self._narrowed.get((key, active))
        if cached is not None:
            return cached
        domain: Domain = self._parameters[key].domain
        for child in self.children.get(key, ()):
            if child.key in active and child.relation:
                domain = self._leaving(domain, child, active)
        self._narrowed[key, active] = domain
        return domain

    def _leaving(self, domain: Domain, child: Parameter, active: frozenset[str]) -> Domain:
        """Return the values of a domain that leave one to an active child."""
        relation = child.relation
        assert relation is not None
        if not child.is_held:
            below = self.narrowed(child.key, active)
            return _left(for_child(domain, relation, below), child, "")
        left = beside_fixed(domain, relation, child.default)
        if left is None:
            raise UsageError(
                f"{relation.parent}: no value leaves {child.key} = {child.default:g}, which is not "
                f"searched, '{relation}': impossible"
            )
        return left

    def check(self, base: Mapping[str, Any], is_active: IsActive) -> Iterator[str]:
        """Yield a message for each relation that some setting of the switches makes impossible."""
        for parameter in self._parameters.values():
            relation = parameter.relation
            if parameter.key not in self.children and relation is None:
                continue
            try:
                for values in islice(self._cases(parameter, is_active), MOST_CASES):
                    domain = self.narrowed(
                        parameter.key, self._active_below(parameter, values, is_active)
                    )
                    if relation is None or relation.parent in values:
                        continue
                    value = base.get(relation.parent)
                    if isinstance(value, bool) or not isinstance(value, int | float):
                        raise UsageError(
                            f"{parameter.key}: '{relation}' needs a number, "
                            f"but {relation.parent} is {value!r}"
                        )
                    _left(given_parent(domain, relation, value), parameter, f"= {value!r}")
            except UsageError as error:
                yield from error.faults

    def _cases(self, parameter: Parameter, is_active: IsActive) -> Iterator[dict[str, Any]]:
        """Yield the settings of the relevant switches in which a parameter is active.

        An active parent is among the values too, with None as a placeholder.
        """
        parent = parameter.relation.parent if parameter.relation else ""
        around = [parameter.key, parent, *self.descendants(parameter.key)]
        switches: set[str] = set()
        new = {s for key in around if key in self._all for s in self._switches(key)}
        while new:
            switches |= new
            new = {s for key in new for s in self._switches(key)} - switches
        ordered = [key for key in self.order if key in switches]

        def grow(values: dict[str, Any], left: list[str]) -> Iterator[dict[str, Any]]:
            if left:
                switch, *rest = left
                if not is_active(self._parameters[switch], values):
                    yield from grow(values, rest)
                    return
                for value in self._settings(switch):
                    yield from grow({**values, switch: value}, rest)
            elif is_active(parameter, values):
                has_parent = parent in self._parameters and (
                    parent in values or is_active(self._parameters[parent], values)
                )
                yield {parent: None, **values} if has_parent else values

        yield from grow({}, ordered)

    def _settings(self, switch: str) -> list[Any]:
        """Return the values of a switch that some `active_when` names, and one that none does."""
        domain = self._parameters[switch].domain
        named = {
            identity(value): value
            for parameter in self._all.values()
            for alternative in parameter.active_when
            for key, state in alternative.items()
            for value in [state["not"] if isinstance(state, Mapping) else state]
            if key == switch and domain.contains(value)
        }
        if not isinstance(domain, Choices):
            return [*named.values(), None]
        others = [v for v in domain.values if identity(v) not in named]
        return [*named.values(), *others[:1]]

    def _ordered(self) -> list[str]:
        """Return the keys, each after its parent and its switches.

        If possible, the switches of a parameter's descendants come before the parameter itself:
        it is then narrowed by the active ones alone.
        """
        before = {key: list(dict.fromkeys(self._before(key))) for key in self._parameters}
        order = _sorted(before, self._parameters)
        for parent in sorted(self.children):
            for child in self.descendants(parent):
                for switch in self._switches(child):
                    stricter = {**before, parent: [*before[parent], switch]}
                    try:
                        order = _sorted(stricter, self._parameters)
                    except UsageError:
                        continue  # The child then always counts as active.
                    before = stricter
        return order

    def _before(self, key: str) -> Iterator[str]:
        yield from self._switches(key)
        if (case_key := self._parameters[key].case_key) in self._parameters:
            yield case_key
        relation = self._parameters[key].relation
        if relation and relation.parent in self._parameters:
            yield relation.parent

    def _switches(self, key: str) -> Iterator[str]:
        for alternative in self._all[key].active_when:
            yield from (switch for switch in alternative if switch in self._parameters)


def _sorted(before: Mapping[str, list[str]], parameters: Mapping[str, Parameter]) -> list[str]:
    ordered: dict[str, None] = {}

    def visit(key: str, above: tuple[str, ...]) -> None:
        if key in ordered:
            return
        if key in above:
            ring = " -> ".join((*above[above.index(key) :], key))
            relation = parameters[key].relation
            if relation and relation.parent in above:
                raise UsageError(f"{key}: depends on itself (a ring: {ring})")
            raise UsageError(f"{key}: is active only when it is active (a ring: {ring})")
        for first in before[key]:
            visit(first, (*above, key))
        ordered[key] = None

    for key in sorted(before):
        visit(key, ())
    return list(ordered)


def _left(domain: Domain | None, parameter: Parameter, parent: str) -> Domain:
    if domain is None:
        relation = parameter.relation
        case = f" with {relation.parent} {parent}" if relation and parent else ""
        raise UsageError(f"{parameter.key}: no value can be '{relation}'{case}: impossible")
    return domain
