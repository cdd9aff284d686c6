"""Pictures of the terminal's live view for the documentation, 80 and 120 columns wide.

    python -m experiments.screenshots.terminal demo/runs/sample [--out docs/images]

The picture shows the moment in the experiment's journal at which the running trials had trained the
most epochs, drawn from the same events by the same code as while it ran. `make demo` makes such an
experiment.
"""

import argparse
import io
import re
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from selenium.webdriver.common.by import By

from automl.experiment.journal import Journal
from automl.progress.screen import Screen
from automl.progress.tail import Follower
from automl.progress.view import View
from experiments.screenshots.browser import browser

LINES = {80: 24, 120: 32}
"""Of the terminal, by its columns."""
_WINDOW = 1600, 1200
_COLOURS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    view = busiest_view(arguments.experiment)
    with browser(*_WINDOW) as driver:
        for columns in LINES:
            page = arguments.out / f"terminal-{columns}.html"
            page.write_text(f"<style>body {{ margin: 0 }}</style>{_svg(view, columns)}")
            driver.get(page.resolve().as_uri())
            picture = driver.find_element(By.TAG_NAME, "svg").screenshot_as_png
            page.unlink()
            path = page.with_suffix(".png")
            image = Image.open(io.BytesIO(picture)).convert("RGB")
            image.quantize(_COLOURS).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def busiest_view(experiment: Path) -> View:
    """Return the view at the report at which two or more running trials had trained the most."""
    story = Follower(experiment).monitor
    views = []
    for event in Journal(experiment / "journal.jsonl").read():
        story.apply(event)
        views.append(story.view("running", event["time"] + 1))
    return max(views, key=lambda v: (min(len(v.running), 2), sum(len(t.curve) for t in v.running)))


def _svg(view: View, columns: int) -> str:
    console = Console(
        width=columns, height=LINES[columns], record=True, file=io.StringIO(),
        force_terminal=True, color_system="truecolor",
    )  # fmt: skip
    console.print(Screen(view))
    text = console.export_svg(title="automl run", theme=MONOKAI)
    # The fonts would come from the network; use the machine's own.
    text = re.sub(r"@font-face \{.*?\}", "", text, flags=re.S).replace("Fira Code", "monospace")
    ((width, height),) = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    return text.replace("<svg ", f'<svg width="{width}" height="{height}" ', 1)


if __name__ == "__main__":
    main()
