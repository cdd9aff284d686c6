"""Data sets from Python: the summary that `automl data show` prints, with its pages of pictures."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from automl.api.arguments import checked
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill, only_skill

__all__ = ["DataView", "show"]


@dataclass(frozen=True)
class DataView:
    """A summary of a data set: `print` writes its tables, a notebook shows its page."""

    facts: Mapping[str, Any]
    """What `automl data show --json` prints."""
    text: str
    page: str
    """The page of `automl data show --html`."""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"DataView({str(self.facts.get('folder', ''))!r})"

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.page)}" width="100%" height="800"></iframe>'


@checked
def show(folder: str | Path, *, skill: str | None = None) -> DataView:
    """Summarise a data set; `skill` may be left out if one is installed.

    Raises `UsageError` for a folder that is no data set.
    """
    data = load_skill(skill or only_skill()).data
    with faults_of_the_user(), tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "data.html"
        report = data.show_data(Path(folder).expanduser(), html=page)
        return DataView(report.to_dict(), report.text(), page.read_text("utf-8"))
