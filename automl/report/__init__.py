"""Results of an experiment for people: the text that commands print, and report.html."""

from automl.report.leaderboard import leaderboard, write_results
from automl.report.page.page import write_report
from automl.report.summary import summary
from automl.report.writer import ReportWriter

__all__ = ["ReportWriter", "leaderboard", "summary", "write_report", "write_results"]
