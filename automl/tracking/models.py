"""The registered models of a store: which there are, and which is the champion."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mlflow.tracking import MlflowClient

from automl.errors import Fault, RunFailed, UsageError
from automl.formats import score
from automl.tracking.comparison import compared
from automl.tracking.registry import CHALLENGER, CHAMPION, REPLACES, Standing, verdict


@dataclass(frozen=True)
class Version:
    """One version of a registered model."""

    name: str
    version: str
    aliases: tuple[str, ...]
    standing: Standing

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form."""
        own = {"name": self.name, "version": self.version, "aliases": list(self.aliases)}
        return own | asdict(self.standing)

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table: model, version, alias, metric, value, data, origin."""
        own = self.standing
        origin = f"trial {own.trial or '-'} of {own.experiment or '-'}"
        value = score(float(own.value)) if own.value else "-"
        return (
            self.name, self.version, ", ".join(self.aliases) or "-", own.metric or "-", value,
            own.data_fingerprint[:12] or "-", origin,
        )  # fmt: skip


class Models:
    """The registered models of one MLflow store."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri)

    def versions(self) -> Iterator[Version]:
        """Yield the versions of all models, the newest of each first."""
        for name in self._names():
            aliases = self._aliases(name)
            found = self._client.search_model_versions(f"name = '{name}'")
            for version in sorted(found, key=lambda each: -int(each.version)):
                number = str(version.version)
                own = tuple(a for a, of in aliases.items() if of == number)
                yield Version(name, number, own, Standing.from_tags(version.tags or {}))

    def promote(
        self, version: str, name: str | None = None, *, if_better: bool = False
    ) -> tuple[str, str, str]:
        """Make a version champion; return the model's name, the version it replaces, and figures.

        Raises `UsageError` for a version that there is not, or that is champion already, and with
        `if_better` `RunFailed` if it does not beat the champion.
        """
        name = self._one(name)
        numbers = [each.version for each in self.versions() if each.name == name]
        if version not in numbers:
            text = f"VERSION: {name} has no version {version}; it has {', '.join(numbers)}"
            raise UsageError(Fault(text, key="VERSION", value=version, allowed=numbers))
        aliases = self._aliases(name)
        champion = aliases.get(CHAMPION, "")
        if version == champion:
            raise UsageError(f"VERSION: {version} is the champion of {name} already")
        is_better, why = self._verdict(name, champion, version) if champion else (True, "")
        if if_better and not is_better:
            raise RunFailed(f"{name}: version {champion} stays champion: {why}")
        if champion:
            self._client.set_model_version_tag(name, version, REPLACES, champion)
        self._client.set_registered_model_alias(name, CHAMPION, version)
        if aliases.get(CHALLENGER) == version:
            self._client.delete_registered_model_alias(name, CHALLENGER)
        return name, champion, why

    def roll_back(self, name: str | None = None) -> tuple[str, str, str]:
        """Make the former champion champion again; return the model's name, it, and the other.

        Raises `UsageError` if none is known.
        """
        name = self._one(name)
        champion = self._aliases(name).get(CHAMPION)
        if champion is None:
            raise UsageError(f"{name}: has no champion; make one: automl models promote VERSION")
        tags = self._client.get_model_version(name, champion).tags or {}
        former = tags.get(REPLACES)
        if former is None:
            raise UsageError(
                f"{name}: version {champion} replaced no other; choose one: automl models list, "
                "then automl models promote VERSION"
            )
        self._client.set_registered_model_alias(name, CHAMPION, former)
        # So that the next rollback takes the version before, and not this one again.
        self._client.delete_model_version_tag(name, champion, REPLACES)
        return name, former, champion

    def _verdict(self, name: str, old: str, new: str) -> tuple[bool | None, str]:
        """Return whether a version beats another, and why."""
        one, two = (
            Standing.from_tags(self._client.get_model_version(name, number).tags or {})
            for number in (new, old)
        )
        return verdict(one, two, lambda: compared(self._client, name, old, new))

    def _names(self) -> list[str]:
        return sorted(str(model.name) for model in self._client.search_registered_models())

    def _aliases(self, name: str) -> dict[str, str]:
        model = self._client.get_registered_model(name)
        return {str(alias): str(number) for alias, number in model.aliases.items()}

    def _one(self, name: str | None) -> str:
        """Return the model of a name, without one the only model; raises `UsageError`."""
        names = self._names()
        if name in names:
            return str(name)
        known = ", ".join(names) or "none"
        if name is None and len(names) == 1:
            return names[0]
        text = f"--name: {'give one' if name is None else f'{name} is not registered'}"
        raise UsageError(Fault(f"{text}; there are {known}", key="--name", allowed=names))
