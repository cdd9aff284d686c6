"""Draws the table of public weights into docs/weights.md, from the code.

python docs/weights.py
"""

from collections.abc import Iterator
from pathlib import Path

from segformer.model.public_weights import PUBLIC_WEIGHTS, PublicWeights

PAGE = Path(__file__).with_name("weights.md")
BEGIN, END = "<!-- weights: begin -->\n", "<!-- weights: end -->"


def main() -> None:
    """Write the page again, with the table as the code is now."""
    PAGE.write_text(drawn(PAGE.read_text()))


def drawn(text: str) -> str:
    """Return the page's text with the table between its two markers."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "".join(f"{line}\n" for line in _table()) + END + rest.split(END)[1]


def _table() -> Iterator[str]:
    yield "| encoder | source | licence | mean, std | published |"
    yield "| --- | --- | --- | --- | --- |"
    for weights in PUBLIC_WEIGHTS:
        source = f"`{weights.source}`" if weights.source else f"by hand: {weights.origin}"
        cells = (
            f"`{weights.encoder}`", source, weights.licence, _scaling(weights),
            weights.figure or "",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def _scaling(weights: PublicWeights) -> str:
    if weights.scaling is None:
        return "not stated"
    return ", ".join(_shown(numbers) for numbers in weights.scaling)


def _shown(numbers: tuple[float, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else "/".join(str(n) for n in numbers)


if __name__ == "__main__":
    main()
