"""The figures as a table, between two markers of a page, and as a critical-difference plot."""

from collections.abc import Sequence
from pathlib import Path

from experiments.benchmarks.measure import Figures, critical_difference

BEGIN, END = "<!-- replay benchmark: begin -->", "<!-- replay benchmark: end -->"


def table(figures: Figures, *, title: str) -> str:
    """Return a Markdown table, best last budget first; the best of each column is bold."""
    summary = figures.summary()
    budgets = [str(b) for b in figures.regret]
    columns = [
        *(("regret", b, f"regret @{b}", 3) for b in budgets),
        *(("rank", b, f"rank @{b}", 2) for b in budgets),
    ]
    means = {m: {"regret": s["regret"], "rank": s["rank"]} for m, s in summary.items()}
    best = {(kind, b): min(m[kind][b] for m in means.values()) for kind, b, _, _ in columns}
    lines = [
        title,
        "",
        "| method | " + " | ".join(head for *_, head, _ in columns) + " | s per decision |",
        "| --- |" + " --- |" * (len(columns) + 1),
    ]
    for method in sorted(summary, key=lambda m: summary[m]["regret"][budgets[-1]]):
        cells = []
        for kind, b, _, digits in columns:
            value = means[method][kind][b]
            cell = f"{value:.{digits}f}"
            cells.append(f"**{cell}**" if value == best[kind, b] else cell)
        seconds = f"{summary[method]['seconds_per_decision']:.3f}"
        lines.append(f"| {method} | " + " | ".join([*cells, seconds]) + " |")
    return "\n".join(lines) + "\n"


def families_table(figures: Figures, *, method: str, rivals: Sequence[str]) -> str:
    """Return a Markdown table of a method against the best of the others, each family apart."""
    figures = figures.only([method, *rivals])
    lines = [
        f"`{method}`'s regret over that of the best other method, the difference with its standard "
        "error, and that method:",
        "",
        "| family | tasks | " + " | ".join(f"@{b}" for b in figures.regret) + " |",
        "| --- | --- |" + " --- |" * len(figures.regret),
    ]
    for family, part in figures.families().items():
        cells = []
        for b in part.regret:
            best, ratio, difference, error = part.against_best(method, b)
            cells.append(f"{ratio:.2f} ({difference:+.3f} ± {error:.3f}, {best})")
        lines.append(f"| {family} | {len(part.tasks)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_between_markers(file: Path, text: str) -> None:
    """Replace the text between the markers of a file; raises `ValueError` if it has none."""
    whole = file.read_text()
    if BEGIN not in whole or END not in whole:
        raise ValueError(f"{file}: has no lines {BEGIN} and {END} to write the table between")
    before, rest = whole.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    file.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


def plot(figures: Figures, file: Path, *, title: str) -> None:
    """Draw mean ranks by budget; a bar joins methods that Nemenyi's test cannot distinguish.

    A block of the test is one (task, seed).
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    blocks = len(figures.tasks) * next(iter(figures.regret.values())).shape[2]
    difference = critical_difference(len(figures.methods), blocks)
    count = len(figures.regret)
    height = 0.22 * len(figures.methods) + 0.9
    canvas, axes = pyplot.subplots(count, 1, figsize=(8, height * count), squeeze=False)
    for axis, budget in zip(axes[:, 0], figures.regret, strict=True):
        ranks = figures.ranks(budget).mean(axis=(1, 2))
        order = ranks.argsort()
        axis.set_title(f"{title}, {budget} epochs (critical difference {difference:.2f})", size=9)
        axis.plot(ranks[order], range(len(order)), "o", color="black", markersize=4)
        for place, i in enumerate(order):
            axis.text(ranks[i] + 0.12, place, figures.methods[i], va="center", size=8)
            alike = [p for p, j in enumerate(order) if 0 <= ranks[j] - ranks[i] < difference]
            axis.plot([ranks[i]] * 2, [place, max(alike)], color="tab:blue", lw=1.5, alpha=0.5)
        axis.set_ylim(len(order) - 0.5, -0.5)
        axis.set_yticks([])
        axis.set_xlim(0.8, len(order) + 1.5)
        axis.spines[["left", "right", "top"]].set_visible(False)
    axes[-1, 0].set_xlabel("mean rank (1 is best)")
    canvas.tight_layout()
    canvas.savefig(file, metadata={"Software": None} if file.suffix == ".png" else None, dpi=110)
    pyplot.close(canvas)
