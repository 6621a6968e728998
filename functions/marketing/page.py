"""The way out as a page, for who follows the link in a browser: a button, for looking at a link changes nothing."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Vary": "Origin, Accept",
}
"""No script, no style, nothing from elsewhere; the form alone may be sent, and to us."""

CONTENT_TYPE = "text/html; charset=utf-8"

_ASK = """<p>Stop news and offers of PerfectWORK by e-mail? You need not sign in.</p>
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Stop them</button>
</form>"""

_DONE = """<p>You get no news and offers of PerfectWORK by e-mail, nor any that already waits to be sent.</p>
<p>You can agree again in your control panel.</p>"""


def page(agreed: bool) -> bytes:
    """The page: a question for who agreed, an answer for who did not."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>News and offers of PerfectWORK</title>
</head>
<body>
<main>
<h1>News and offers of PerfectWORK</h1>
{_ASK if agreed else _DONE}
</main>
</body>
</html>
""".encode()
