"""The sections of the page on the search space: what its parameters did to the objective."""

from collections.abc import Iterator, Sequence

from automl.experiment.experiment import Experiment
from automl.formats import counted
from automl.report.importance import FEW
from automl.report.page import distribution, importances, space_charts
from automl.report.page.markup import note, plot
from automl.report.page.parallel import MOST_AXES, parallel
from automl.space.space import SearchSpace


def sections(
    experiment: Experiment, space: SearchSpace, state: str
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield (name, title, parts) of each section."""
    count = len(space_charts.measured(experiment))
    yield "parallel", "Parallel coordinates", _parallel(experiment, space, count)
    yield "importance", "Parameter importance", list(_importance(experiment, count))
    yield "slices", "Slices", _slices(experiment, space, state)
    yield "distribution", "Distribution of the trials", _distribution(experiment)


def few(count: int) -> str:
    """Return a warning that so few trials say little of importances."""
    return note(
        f"{counted(count, 'trial')} with a value are few: take these importances as a hint. From "
        f"about {FEW} trials on they settle."
    )


def _parallel(experiment: Experiment, space: SearchSpace, count: int) -> list[str]:
    text = (
        f"One line per trial; {count} have a value. Draw a box over part of an axis to select the "
        "trials that pass through it; double-click to show all. A parameter whose switch is off "
        "is drawn at off."
    )
    if experiment.importance:
        text += " The most important parameters are on the right."
    drawn = min(MOST_AXES, len(space_charts.charted(experiment, space)))
    if drawn < len(space.parameters):
        text += (
            f" {drawn} of {len(space.parameters)} parameters are drawn: at most the {MOST_AXES} "
            "most important, and none that was off in every trial."
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
        note(
            f"Each trial's best {experiment.settings.objective.metric}, upwards, against each "
            "parameter alone. The scale of a parameter marked (log) is logarithmic."
        ),
        plot("figure-slices", figure, "best value by each parameter", min_width=900),
    ]
    pair = space_charts.most_important_ranges(experiment, space)
    if pair:
        parts += [
            note("The two most important numeric parameters together; each dot is a trial."),
            plot(
                "figure-contour",
                space_charts.contour(experiment, space, *pair),
                "value by two parameters",
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
            yield few(count)
        figure = importances.chart(shares, intervals)
        yield plot("figure-importance", figure, "importance of parameters")
    else:
        yield note(
            "Not computed yet: it takes some trials with different values. By hand: "
            f"automl importance {experiment.paths.root}"
        )
