"""The plan of a training that was shortened on its way: its schedule falls over what is left."""

from collections.abc import Sequence
from dataclasses import dataclass

from segformer.spec.sections.train import Train


@dataclass(frozen=True)
class Plan:
    """Maps the epochs of a training onto those of its first plan, in pieces of constant speed."""

    epochs: int
    """Of the first plan."""
    pieces: Sequence[tuple[float, float, float]] = ((0.0, 0.0, 1.0),)
    """From which epoch, from which epoch of the plan, and how many of the plan's pass in one."""

    @classmethod
    def of(cls, train: Train) -> "Plan":
        """Return the plan of a training's settings."""
        ends = [*(cut.epochs for cut in train.shortened), train.num_epochs]
        pieces = [(0.0, 0.0, 1.0)]
        for cut, end in zip(train.shortened, ends[1:], strict=True):
            planned = _at(pieces, cut.after)
            pieces.append((cut.after, planned, (ends[0] - planned) / (end - cut.after)))
        return cls(ends[0], tuple(pieces))

    def step(self, step: int, steps_per_epoch: int) -> float:
        """Return the step of the first plan that stands where a step of the training does."""
        # Not by epochs: the steps of a training that was not shortened must stay whole numbers.
        start, planned, speed = _piece(self.pieces, step / steps_per_epoch)
        return planned * steps_per_epoch + (step - start * steps_per_epoch) * speed

    def speed(self, epoch: int) -> float:
        """Return how many epochs of the first plan pass in an epoch, counted from 0."""
        return _piece(self.pieces, epoch)[2]


def _piece(pieces: Sequence[tuple[float, float, float]], epoch: float) -> tuple[float, ...]:
    return next(piece for piece in reversed(pieces) if piece[0] <= epoch)


def _at(pieces: Sequence[tuple[float, float, float]], epoch: float) -> float:
    start, planned, speed = _piece(pieces, epoch)
    return planned + (epoch - start) * speed
