"""Rewrites the sources of an experiment as if they had been so from the beginning."""

from automl.experiment.journal import Journal
from automl.session.fsck import accept


def rewrite_journal(path, events):
    """Write a journal with these events."""
    path.unlink()
    Journal(path).append(*events)


def rewrite_settings(root, before, after):
    """Replace a text in the settings, and accept it."""
    settings = root / "settings.yaml"
    settings.write_text(settings.read_text().replace(before, after))
    accept(root)
