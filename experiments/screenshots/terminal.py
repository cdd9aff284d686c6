"""Draws the terminal's live view of a real experiment as pictures, 80 and 120 columns wide.

    python -m experiments.screenshots.terminal demo/runs/sample --out docs/images

The view is the one of a moment of the experiment's own journal, by default the one at which the
running trials have trained the most epochs: the same events, code and drawing as while it ran.
Chromium makes the pictures: `chromium` of Debian, or `--browser PROGRAM`.
"""

import argparse
import io
import re
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from automl.follow import Follower
from automl.screen import Screen
from automl.store import Journal
from automl.story import Story
from automl.view import View

SIZES = {80: 24, 120: 32}
"""Lines of the terminal by its columns."""
_SCALE = 1.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--browser", default="chromium")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    events = list(Journal(arguments.experiment / "journal.jsonl").read())
    settings = Follower(arguments.experiment).story.experiment.settings
    story = Story(arguments.experiment, settings)
    views = []
    for event in events:
        story.apply(event)
        views.append(story.view("running", event["time"] + 1))
    busiest = max(views, key=_epochs_of_running)
    pictures = {f"terminal-{width}": (busiest, width) for width in SIZES}
    for name, (view, width) in pictures.items():
        path = arguments.out / f"{name}.png"
        _photograph(_svg(view, width), path, arguments.browser)
        print(path)


def _epochs_of_running(view: View) -> tuple[int, int]:
    return min(len(view.running), 2), sum(len(trial.curve) for trial in view.running)


def _svg(view: View, width: int) -> str:
    console = Console(
        width=width, height=SIZES[width], record=True, file=io.StringIO(), force_terminal=True,
        color_system="truecolor",
    )  # fmt: skip
    console.print(Screen(view))
    text = console.export_svg(title="automl run", theme=MONOKAI)
    # The fonts would come from the network; the machine's own stand in.
    return re.sub(r"@font-face \{.*?\}", "", text, flags=re.S).replace("Fira Code", "monospace")


def _photograph(svg: str, path: Path, browser: str) -> None:
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={folder}/profile", f"--screenshot={path.resolve()}",
             f"--window-size={round(float(width)) + 1},{round(float(height)) + 1}",
             f"--force-device-scale-factor={_SCALE}", page.as_uri()],
            check=True, capture_output=True, timeout=300,
        )  # fmt: skip


if __name__ == "__main__":
    main()
