"""Writes report.html when a session ends; a page that cannot be written costs no result."""

import sys
import traceback

from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.redact import redacted
from automl.report.page.page import write_report
from automl.space.space import SearchSpace


class ReportWriter(ExperimentObserver):
    """Told as a tracker, before those that take the page along."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def closed(self, experiment: Experiment) -> None:
        """Write the page; say it where that fails, and go on."""
        if not experiment.ledger.trials:
            return
        try:
            write_report(experiment, self._space)
        except Exception as error:  # The search is done; its page can be written again.
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(
                f"automl: report.html could not be written: {type(error).__name__}: "
                f"{redacted(str(error))} ({where.name}); "
                f"try again: automl report {experiment.paths.root}",
                file=sys.stderr,
            )
