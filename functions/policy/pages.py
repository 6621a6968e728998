"""The policy as pages: plain HTML that needs no script, nothing from elsewhere and no colour to be read."""

import base64
import hashlib
from html import escape

from policy import telling, writing
from policy.parts import Parts
from policy.writing import escaped
from privacy.policy import Document

CONTENT_TYPE = "text/html; charset=utf-8"

_STYLE = (
    "body{font:1rem/1.5 sans-serif;margin:1rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse}th,td{border:1px solid;padding:.3rem;text-align:left;vertical-align:top}"
    "nav a{margin-right:1rem}pre{white-space:pre-wrap}"
)

SECURITY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)
"""The Content-Security-Policy of a page: the one style that is in it, and nothing else."""

_PLACES = (
    ("policy", "Policy"), ("policy/versions", "All versions"), ("policy/changes", "Changes"),
    ("processors", "Processors"), ("cookies", "Cookies"),
)  # fmt: skip


def version(parts: Parts, document: Document, up: str) -> str:
    """A version of the policy; `up` leads from its address to the root of the API, as in all pages."""
    status, text = parts.status(document.version), writing.markdown(document)
    if status != "in-force":
        word = "has not taken effect yet" if status == "upcoming" else "is archived"
        text = f"*This version {word}: [the one in force]({up}policy).*\n\n{text}"
    return _page(f"Privacy policy of {writing.day(document)}", text, up)


def versions(parts: Parts, up: str) -> str:
    """The list of all versions."""
    rows = [
        f"| [{each['version']}]({up}policy/versions/{each['version']}) | {each['status']} | {escaped(each['summary'])} "
        f"| [changes]({up}policy/changes?to={each['version']}) |"
        for each in telling.versions(parts)["items"]
    ]
    title = "All versions of the privacy policy"
    head = "| Last updated | Status | What changed | In detail |\n| --- | --- | --- | --- |"
    return _page(title, "\n".join([f"# {title}", "", head, *rows]), up)


def changes(old: Document, new: Document, up: str) -> str:
    """What differs between two versions."""
    told = telling.difference(old, new)
    title = f"What changed from {told['from']} to {told['to']}"
    words = "\n".join(f"- {escaped(each)}" for each in told["words"]) or "Nothing that a person would notice."
    prose = "\n".join(told["text"])
    text = f"# {title}\n\n{words}\n\n## Line by line\n\n"
    text += f"~~~~~~~~~~\n{prose}\n~~~~~~~~~~\n" if prose else "The text is the same.\n"
    return _page(title, text, up)


def cookies(document: Document, up: str) -> str:
    """The register of cookies: the same part of the text."""
    text = f"# Cookies of PerfectWORK\n\n## What may be set\n\n{writing.markdown(document, 'cookies')}"
    return _page("Cookies of PerfectWORK", text, up)


def processors(document: Document, up: str) -> str:
    """The register of processors: the same part of the text."""
    text = f"# Who else receives data\n\n{writing.markdown(document, 'processors')}"
    return _page("Who else receives data", text, up)


def _page(title: str, text: str, up: str) -> str:
    links = "\n".join(f'<a href="{up}{path}">{name}</a>' for path, name in _PLACES)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<nav aria-label="The policy">
{links}
</nav>
<main>
{writing.html(text)}</main>
</body>
</html>
"""
