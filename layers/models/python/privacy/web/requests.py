"""What came in: bodies within their limits and types, query parameters, and the visitor behind a trusted edge."""

import ipaddress
import json
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson
from chalice.app import Request

from privacy.models.rawjson import decoded
from privacy.web.problems import MALFORMED, ProblemError, invalid

MAX_JSON_BYTES = 64 * 1024
"""A form or a command, generously."""

MAX_BODY_BYTES = 4_194_304
"""4 MB, as api.md counts them."""

JSON = ("application/json",)
NDJSON = ("application/x-ndjson",)


class Edge(StrEnum):
    """Who stands before the API and may be believed about the visitor (a setting)."""

    NONE = "none"
    CLOUDFRONT = "cloudfront"
    CLOUDFLARE = "cloudflare"


_REPLACED = "\ufffd".encode()

_COUNTRY = {Edge.CLOUDFRONT: "cloudfront-viewer-country", Edge.CLOUDFLARE: "cf-ipcountry"}


def raw_body(request: Request, *, limit: int = MAX_BODY_BYTES, types: tuple[str, ...] = ()) -> bytes:
    """The body's bytes.

    Raises: ProblemError 415 for another content type than the expected ones (none sent is taken as the expected), 413
    above `limit` bytes, 415 for bytes without a content type (they came damaged), 400 for what is no body at all.
    """
    sent = str(request.headers.get("content-type", "")).split(";", 1)[0].strip().lower()
    if types and sent and sent not in types:
        raise ProblemError(415, f"send this as {types[0]}")
    try:
        body = request.raw_body or b""
    except ValueError:  # no base64, or no Unicode
        raise ProblemError(400, "the body cannot be read") from None
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if not request.to_original_event().get("isBase64Encoded") and _REPLACED in raw:
        # API Gateway takes a body without a content type for text, and puts this in place of what is none.
        raise ProblemError(415, "say what this is: send a Content-Type")
    if len(raw) > limit:
        raise ProblemError(413, f"the body is larger than {limit} bytes")
    return raw


def json_body(request: Request, *, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The body as a JSON object: numbers with all their digits, and no name twice, since readers disagree on which one
    counts.

    Raises: ProblemError 400, 413, 415 or 422, MalformedJSONError, TooDeepError.
    """
    raw = raw_body(request, limit=limit, types=JSON)
    written = decoded(raw)
    try:
        orjson.loads(raw)  # strict: surrogates, no NaN
        document = json.loads(written, parse_float=Decimal, object_pairs_hook=_members)
    except ValueError:
        raise ProblemError(400, MALFORMED) from None
    if not isinstance(document, dict):
        raise ProblemError(422, "the body is JSON, but not an object")
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice")
    return members


def no_fields(request: Request) -> None:
    """Check that a command which takes no fields was sent none: an empty body, or an empty object.

    Raises: ProblemError 400, 413, 415 or 422.
    """
    if raw_body(request, limit=MAX_JSON_BYTES) and json_body(request):
        raise invalid("(unknown)", "is not a field of this request")


def parameter(request: Request, name: str) -> str | None:
    """A query parameter. Raises: ProblemError 422 when it is given twice."""
    sent = request.query_params
    values: list[str] = sent.getlist(name) if sent is not None and name in sent else []
    if len(values) > 1:
        raise invalid(name, "give this once")
    return values[0] if values else None


def address(request: Request, edge: Edge) -> str | None:
    """The visitor's IP address: as the trusted edge names it, else the caller's."""
    headers = request.headers
    named = None
    if edge is Edge.CLOUDFRONT:
        named = _without_port(headers.get("cloudfront-viewer-address"))
    elif edge is Edge.CLOUDFLARE:
        named = headers.get("cf-connecting-ip")
    for text in (named, request.context.get("identity", {}).get("sourceIp")):
        try:
            return str(ipaddress.ip_address(str(text or "").strip()))
        except ValueError:
            continue
    return None


def country(request: Request, edge: Edge) -> str | None:
    """The visitor's country (ISO 3166 alpha-2) as the trusted edge names it; without such an edge, none."""
    header = _COUNTRY.get(edge)
    code = str(request.headers.get(header, "")).strip().upper() if header else ""
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None


def prefers_html(request: Request) -> bool:
    """Whether the caller names HTML in its Accept header, and no JSON that it would like as much (RFC 9110, 12.5.1):
    a browser does, a script does not. A range that JSON merely falls into must be liked better than HTML.
    """
    weights: dict[str, float] = {}
    for entry in str(request.headers.get("accept", "")).lower().split(","):
        kind, _, parameters = entry.partition(";")
        weights[kind.strip()] = _weight(parameters)
    html, json_too = weights.get("text/html", 0.0), weights.get("application/*", weights.get("*/*", 0.0))
    return html > weights[JSON[0]] if JSON[0] in weights else html > 0 and html >= json_too


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _without_port(text: str | None) -> str | None:
    return text.rsplit(":", 1)[0].strip("[]") if text and ":" in text else text
