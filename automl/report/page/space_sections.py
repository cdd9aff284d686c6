"""The sections of the page on the search space: what its parameters did to the objective."""

from collections.abc import Iterator, Sequence

from automl.experiment.experiment import Experiment
from automl.formats import counted
from automl.report.page import distribution, importances, space_charts
from automl.report.page.markup import note, plot
from automl.report.page.parallel import parallel
from automl.space.space import SearchSpace

FEW = 30
"""Trials below which importances are no more than a hint."""


def sections(
    experiment: Experiment, space: SearchSpace, state: str
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield (name, title, parts) of each section."""
    count = len(space_charts.measured(experiment))
    yield "parallel", "Parallel coordinates", _parallel(experiment, space, count)
    yield "importance", "Parameter importance", list(_importance(experiment, count))
    yield "slices", "Slices", _slices(experiment, space, state)
    yield "distribution", "Distribution of the trials", _distribution(experiment)


def _parallel(experiment: Experiment, space: SearchSpace, count: int) -> list[str]:
    text = (
        f"One line per trial; {count} have a value. Draw a box over part of an axis to select the "
        "trials that pass through it; double-click to show all. A parameter whose switch is off "
        "is drawn at off."
    )
    if experiment.importance:
        text += " The most important parameters are on the right."
    left_out = len(space.parameters) - len(space_charts.charted(experiment, space))
    if left_out:
        text += (
            f" {left_out} of {len(space.parameters)} parameters are not drawn: they were off in "
            f"every trial, or are not among the {space_charts.MOST} most important."
        )
    return [
        note(text),
        plot(
            "figure-parallel",
            parallel(experiment, space),
            "values of each trial as a line over all parameters",
            min_width=1000,
        ),
    ]


def _slices(experiment: Experiment, space: SearchSpace, state: str) -> list[str]:
    figure = space_charts.slices(experiment, space, state)
    parts = [
        note("Each trial's best value against each parameter alone."),
        plot("figure-slices", figure, "best value by each parameter", min_width=900),
    ]
    pair = space_charts.most_important_ranges(experiment, space)
    if pair:
        parts += [
            note("The two most important numeric parameters together; each dot is a trial."),
            plot(
                "figure-contour", space_charts.contour(experiment, *pair), "value by two parameters"
            ),
        ]
    return parts


def _distribution(experiment: Experiment) -> list[str]:
    text = (
        "The share of trials whose best value is at most the one below. A steep rise near the best "
        "value means that many configurations are about as good."
    )
    figure = distribution.chart(experiment)
    return [note(text), plot("figure-distribution", figure, "distribution of the trials' values")]


def _importance(experiment: Experiment, count: int) -> Iterator[str]:
    shares = experiment.importance
    if shares:
        intervals = experiment.importance_intervals
        text = "Each parameter's share of the variance of the objective, by fANOVA."
        if intervals:
            text += (
                " A whisker spans the middle 90 % of the shares that resampled trials give: "
                "parameters whose whiskers overlap cannot be ranked."
            )
        yield note(text)
        if count < FEW:
            yield note(
                f"{counted(count, 'trial')} with a value are few: take these shares as a hint. "
                f"From about {FEW} trials on they settle."
            )
        figure = importances.chart(shares, intervals)
        yield plot("figure-importance", figure, "importance of parameters")
    else:
        yield note(
            "Computed at the end of a search with enough different trials; until then: "
            f"automl importance {experiment.paths.root}"
        )
