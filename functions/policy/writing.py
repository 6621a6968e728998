"""From a version's data to its words: the template beside it, its figures filled in, as Markdown, HTML or plain lines.

Every figure of the text comes from the data, and one that is not there is an error (promise policy.single-source).
Jinja2 and markdown-it are imported when something is written with them.
"""

import functools
import re
from typing import TYPE_CHECKING, Any

from privacy.policy import Document, Period

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&])")

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Whatever the locale of the machine."""


def escaped(value: Any) -> str:
    """A value as text in Markdown, whatever characters are in it."""
    return _MARKUP.sub(r"\\\1", str(value))


def day(document: Document) -> str:
    """The date of a version's last update, as a person writes it."""
    return f"{document.version.day} {_MONTHS[document.version.month - 1]} {document.version.year}"


def markdown(document: Document, block: str | None = None) -> str:
    """The text of a version, or one block of it (`processors`, `cookies`).

    Raises: jinja2.UndefinedError when the text names something that the data does not have.
    """
    template, figures = _template(document.text), _figures(document)
    if block is None:
        return template.render(figures)
    return "".join(template.blocks[block](template.new_context(figures)))


def html(text: str) -> str:
    """Markdown as HTML; no HTML that stands in it survives."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type == "th_open":
            token.attrSet("scope", "col")
    return str(parser.renderer.render(tokens, parser.options, {}))


def lines(text: str) -> list[str]:
    """What a person reads of Markdown, a line for each paragraph, heading, list item and row of a table."""
    found: list[str] = []
    row: list[str] | None = None
    for token in _parser().parse(text):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            found.append(" | ".join(row))
            row = None
        elif token.type == "inline":
            (found if row is None else row).append(_plain(token.children or []))
    return found


def _plain(children: "list[Token]") -> str:
    return "".join(" " if child.type == "softbreak" else child.content for child in children)


@functools.lru_cache(maxsize=16)
def _template(text: str) -> "Template":
    from jinja2 import Environment, StrictUndefined

    # Not HTML but Markdown is written here, so each value is escaped for that, by `finalize`.
    environment = Environment(undefined=StrictUndefined, finalize=escaped, autoescape=False)  # noqa: S701
    return environment.from_string(text)


@functools.cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _figures(document: Document) -> dict[str, Any]:
    data = document.data
    return {
        "last_updated": day(document),
        "retention": {row["id"]: row for row in data["retention"]},
        "periods": {row["id"]: Period.parse(row["period"]) for row in data["retention"]},
        "names": {row["id"]: row["name"] for row in data["processors"]},
        "processors": [
            {**row, "purposes": [{"anonymised": (), **each} for each in row["purposes"]]} for row in data["processors"]
        ],
        **{name: data[name] for name in ("promises", "data", "cookies", "regions", "trends")},
    }
