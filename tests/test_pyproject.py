import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_path_that_a_comment_names_exists():
    comments = re.findall(r"#(.*)", (ROOT / "pyproject.toml").read_text())
    paths = re.findall(r"\b(?:automl|segformer|tests|docs)/[\w./-]*\w", " ".join(comments))
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []
