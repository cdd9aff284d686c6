"""Pictures of the terminal's live view for the documentation, at 80x24 and 200x50.

    python -m experiments.screenshots.terminal demo/runs/sample [--out docs/images]

The picture shows the moment in the experiment's journal at which the running trials had trained the
most epochs, drawn from the same events by the same code as while it ran. `make demo` makes such an
experiment.
"""

import argparse
import io
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from selenium.webdriver.common.by import By

from automl.experiment.journal import Journal
from automl.machine.load import machine_load
from automl.progress.screen import Screen
from automl.progress.tail import Follower
from automl.progress.view import View
from automl.report.importance import importance_so_far
from experiments.screenshots.browser import browser

LINES = {80: 24, 200: 50}
"""Of the terminal, by its columns."""
_WINDOW = 2600, 1500
_COLOURS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    view = busiest_view(arguments.experiment)
    importances = importance_so_far(arguments.experiment)
    with browser(*_WINDOW) as driver:
        for columns in LINES:
            page = arguments.out / f"terminal-{columns}.html"
            page.write_text(
                f"<style>body {{ margin: 0 }}</style>{_svg(view, importances, columns)}"
            )
            driver.get(page.resolve().as_uri())
            picture = driver.find_element(By.TAG_NAME, "svg").screenshot_as_png
            page.unlink()
            path = page.with_suffix(".png")
            image = Image.open(io.BytesIO(picture)).convert("RGB")
            image.quantize(_COLOURS).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def busiest_view(experiment: Path) -> View:
    """Return the view at the report at which two or more running trials had trained the most."""
    return busiest(experiment)[1]


def busiest(experiment: Path) -> tuple[int, View]:
    """Return how many events there were at that report, and the view then."""
    monitor = Follower(experiment).monitor
    views = []
    for event in Journal(experiment / "journal.jsonl").read():
        monitor.apply(event)
        views.append(monitor.view("running", event["time"] + 1))

    def trained(place: int) -> tuple[int, int]:
        running = views[place].running
        return min(len(running), 2), sum(len(trial.curve) for trial in running)

    place = max(range(len(views)), key=trained)
    return place + 1, views[place]


def _svg(view: View, importances: Mapping[str, float], columns: int) -> str:
    console = Console(
        width=columns, height=LINES[columns], record=True, file=io.StringIO(),
        force_terminal=True, color_system="truecolor",
    )  # fmt: skip
    console.print(Screen(view, machine=machine_load(), importances=importances))
    text = console.export_svg(title="automl run", theme=MONOKAI)
    # The fonts would come from the network; use the machine's own.
    text = re.sub(r"@font-face \{.*?\}", "", text, flags=re.S).replace("Fira Code", "monospace")
    ((width, height),) = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    return text.replace("<svg ", f'<svg width="{width}" height="{height}" ', 1)


if __name__ == "__main__":
    main()
