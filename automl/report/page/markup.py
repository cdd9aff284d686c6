"""Pieces of the page: escaped text, tables, pictures, figures. All text passes through `esc`."""

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl.files import json_text
from automl.formats import compact
from automl.redact import redacted, redactor

_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_KEY = re.compile(r"[a-z_]\w*(?:\.\w+)+", re.IGNORECASE)
_BREAKS = re.compile(r"([._])(?=\w)")


@dataclass(frozen=True)
class Markup:
    """HTML that is ready for the page, unlike a text, which is escaped."""

    html: str


def esc(text: object) -> str:
    """Return any text as HTML, without secrets and without characters that HTML forbids."""
    return html.escape(redacted(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", str(text))))


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, kind: str = "", marked: int | None = None
) -> str:
    """Return a table; the row of index `marked` stands out."""
    body = []
    for index, row in enumerate(rows):
        mark = ' class="marked"' if index == marked else ""
        body.append(f"<tr{mark}>{''.join(map(_cell, row))}</tr>")
    top = "".join(f"<th>{esc(name)}</th>" if name else "<td></td>" for name in head)
    css = f' class="{kind}"' if kind else ""
    rows_html = f"<tbody>{''.join(body)}</tbody>"
    return (
        f'<div class="scroll" tabindex="0"><table{css}><thead><tr>{top}</tr></thead>'
        f"{rows_html}</table></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, Markup):
        return f"<td>{value.html}</td>"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (
        f'<td class="number">{compact(value)}</td>'
        if is_number
        else f"<td>{_breakable(esc(compact(value)))}</td>"
    )


def _breakable(text: str) -> str:
    """Let a dotted key break at its dots and underscores on a narrow page."""
    return _BREAKS.sub(r"\1<wbr>", text) if _KEY.fullmatch(text) else text


def swatch(colour: str) -> Markup:
    """Return a patch of a colour, `#rrggbb`."""
    return Markup(f'<span class="swatch" style="background:{esc(colour)}"></span>')


def bar(share: float) -> Markup:
    """Return a bar for a share between 0 and 1, with its percentage."""
    width = max(0.0, min(share, 1.0)) * 100
    return Markup(f'<span class="bar" style="width:{width:.1f}px"></span> {share:.1%}')


def tiles(facts: Mapping[str, tuple[str, str]]) -> str:
    """Return facts as tiles: name to (figure, a line below it)."""
    parts = [
        f'<div class="tile"><b>{esc(name)}</b><strong>{esc(figure)}</strong>'
        f"<span>{esc(below)}</span></div>"
        for name, (figure, below) in facts.items()
    ]
    return f'<div class="tiles">{"".join(parts)}</div>'


def pre(text: str) -> str:
    """Return a text of several lines as it is."""
    return f"<pre>{esc(text)}</pre>"


def note(text: str) -> str:
    """Return a sentence or two."""
    return f"<p>{esc(text)}</p>"


@dataclass(frozen=True)
class Section:
    """A section of a page; `name` is its place there."""

    name: str
    title: str
    parts: Sequence[str]

    @property
    def html(self) -> str:
        """The section as HTML."""
        content = "".join(self.parts)
        return f'<section id="{self.name}"><h2>{esc(self.title)}</h2>{content}</section>'


def plot(
    name: str,
    figure: Mapping[str, Any],
    label: str,
    *,
    min_width: int = 0,
    max_width: int | None = None,
) -> str:
    """Return the place of a figure of plotly and its data.

    `name` is unique in the page, `label` says to people who cannot see it what it shows. It is as
    wide as the page within the limits, in pixels; on a narrower page it scrolls.
    """
    size = f"height:{figure['layout']['height']}px;min-width:{min_width}px"
    if max_width is not None:
        size += f";max-width:{max_width}px"
    place = (
        f'<div class="plot" role="figure" aria-label="{esc(label)}" data-figure="{name}" '
        f'style="{size}"></div>'
    )
    return f'<div class="scroll" tabindex="0">{place}</div>{data(name, figure)}'


def data(name: str, content: Mapping[str, Any]) -> str:
    """Return data for the page's script as JSON."""
    text = json_text(_clean(content, redactor())).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _clean(value: Any, redact: Callable[[str], str]) -> Any:
    """Return a figure whose texts hold no secrets and no tags but those of `_TAGS`."""
    if isinstance(value, str):
        # Plotly draws a little HTML in texts, and knows these three entities.
        text = html.escape(redact(_UNSAFE.sub("", value)), quote=False)
        for tag in _TAGS:
            text = text.replace(html.escape(tag), tag)
        return text
    if isinstance(value, Mapping):
        return {key: _clean(part, redact) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part, redact) for part in value]
    return value


_TAGS = ("<br>", "<b>", "</b>", "<extra></extra>")


def embedded(text: str, name: str) -> Any:
    """Return the data of a figure in a page's text; the inverse of `plot`."""
    _, _, rest = text.partition(f'<script type="application/json" id="{name}">')
    return json.loads(rest.partition("</script>")[0])
