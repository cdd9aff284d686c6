"""What people read of an experiment: the text that commands print, and the page report.html."""

from automl.report.leaderboard import leaderboard, write_results
from automl.report.page.page import write_report
from automl.report.summary import summary
from automl.report.writer import ReportWriter

__all__ = ["ReportWriter", "leaderboard", "summary", "write_report", "write_results"]
