"""Where the checkout's folders are, for tests at any depth."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
HELPERS = TESTS / "helpers"
LOGISTIC = TESTS / "logistic"
"""A skill without Python code: a folder whose actions are commands."""
