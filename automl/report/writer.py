"""Writes report.html when a session ends; failing to write it costs no result."""

import sys
import traceback

from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.redact import printable, redacted
from automl.report.page.page import write_report
from automl.space.space import SearchSpace


class ReportWriter(ExperimentObserver):
    """Must precede the observer that uploads the page."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def closed(self, experiment: Experiment) -> None:
        """Write the page; a failure is reported and does not end the session."""
        if not experiment.history.trials:
            return
        try:
            write_report(experiment, self._space)
        except Exception as error:  # The search is done; its page can be written again.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            print(
                f"automl: report.html could not be written: {type(error).__name__}: "
                f"{printable(redacted(str(error)))} ({frame.name}); "
                f"try again: automl report {experiment.paths.root}",
                file=sys.stderr,
            )
