"""Which parameter comes first, and what a parameter may be so that those that follow exist.

Each parameter has at most one parent, so the relations form trees. Narrowing every parent to the
values that leave each active child one, from the leaves up, makes drawing from the roots down
exact: no choice has to be taken back (arc consistency on trees, Freuder, JACM 1982).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from automl.domain import Domain
from automl.errors import UsageError
from automl.narrowing import for_child, given_parent
from automl.parameter import Parameter


class Relatives:
    """The parents, children and switches within a set of parameters."""

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._parameters = parameters
        self.children: dict[str, list[Parameter]] = {}
        for parameter in parameters.values():
            if parameter.relation and parameter.relation.parent in parameters:
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
        self, parameter: Parameter, base: Mapping[str, Any], values: Mapping[str, Any],
        is_active: Callable[[Parameter, Mapping[str, Any]], bool],
    ) -> Domain:  # fmt: skip
        """Return what a parameter may be beside the values of those before it."""
        domain, relation = parameter.domain, parameter.relation
        if parameter.key in self.children:
            active = frozenset(
                key
                for key in self.descendants(parameter.key)
                if key in self._undecided or is_active(self._parameters[key], values)
            )
            domain = self.narrowed(parameter.key, active)
        if relation is None:
            return domain
        # A parent that is not searched, or inactive, counts with its value in the base spec.
        value = values.get(relation.parent, base.get(relation.parent))
        return _left(given_parent(domain, relation, value), parameter, f"= {value!r}")

    def narrowed(self, key: str, active: frozenset[str]) -> Domain:
        """Return what a parameter may be so that its active descendants have a value each."""
        known = self._narrowed.get((key, active))
        if known is not None:
            return known
        domain: Domain = self._parameters[key].domain
        for child in self.children.get(key, ()):
            if child.key in active and child.relation:
                below = self.narrowed(child.key, active)
                domain = _left(for_child(domain, child.relation, below), child, "")
        self._narrowed[key, active] = domain
        return domain

    def check(self, base: Mapping[str, Any]) -> Iterator[str]:
        """Yield the relations that no value, or the base spec's value of a parent, can fulfil."""
        for parameter in self._parameters.values():
            relation = parameter.relation
            if relation is None:
                continue
            parent = self._parameters.get(relation.parent)
            value = base.get(relation.parent)
            is_always_searched = parent is not None and not parent.active_when
            try:
                domain = self.narrowed(parameter.key, frozenset(self.descendants(parameter.key)))
                if is_always_searched:
                    self.narrowed(relation.parent, frozenset(self.descendants(relation.parent)))
                elif isinstance(value, bool) or not isinstance(value, int | float):
                    yield (
                        f"{parameter.key}: '{relation}' needs a number, "
                        f"but {relation.parent} is {value!r}"
                    )
                else:
                    _left(given_parent(domain, relation, value), parameter, f"= {value!r}")
            except UsageError as error:
                yield from error.faults

    def _ordered(self) -> list[str]:
        """Return the keys: parents and switches first, then, where that can be, the switches of
        what depends on a parameter before the parameter itself.
        """  # noqa: D205
        before = {key: list(dict.fromkeys(self._before(key))) for key in self._parameters}
        order = _sorted(before, self._parameters)
        for parent in sorted(self.children):
            for child in self.descendants(parent):
                for switch in self._switches(child):
                    wished = {**before, parent: [*before[parent], switch]}
                    try:
                        order = _sorted(wished, self._parameters)
                    except UsageError:
                        continue  # The child then counts as active, whatever its switch is.
                    before = wished
        return order

    def _before(self, key: str) -> Iterator[str]:
        yield from self._switches(key)
        relation = self._parameters[key].relation
        if relation and relation.parent in self._parameters:
            yield relation.parent

    def _switches(self, key: str) -> Iterator[str]:
        for alternative in self._parameters[key].active_when:
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
        known = f" with {relation.parent} {parent}" if relation and parent else ""
        raise UsageError(f"{parameter.key}: no value can be '{relation}'{known}: impossible")
    return domain
