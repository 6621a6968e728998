"""The app factory: one Chalice app per HTTP function, with the rules of the interface settled once.

Chalice routes on REST API (v1) events. What it would answer by itself (unknown route, wrong method, an exception that
it would log with its text) is answered here instead, as problem+json.
"""

import base64
import contextlib
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from chalice.app import Chalice, Request, Response

from privacy.policy import load
from privacy.telemetry import failed, logger
from privacy.web.cookies import without_unregistered
from privacy.web.problems import CONTENT_TYPE, ProblemError, problem_of

View = Callable[..., Response]

_ANY = "*/*"
_JSON = "application/json"
_TEXT = frozenset({_JSON, CONTENT_TYPE})

_SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


class PrivacyApp(Chalice):
    """A Chalice app whose every answer follows api.md."""

    def __init__(self, function: str, site: Callable[[], str]) -> None:
        """`function` names the function in logs; `site` gives the website's origin, the only one that may call us."""
        super().__init__(app_name=function, configure_logs=False)
        self.logger = logger(function)
        self.site = site
        self.takes_bytes = True
        """Whether the caller can be given bytes: API Gateway decodes them only for who sent an Accept header."""
        # Bytes of any type in and out: both lists and an Accept header are needed (aws-facts.md, binary bodies).
        self.api.binary_types = [_ANY]

    def view(self, method: str, path: str) -> Callable[[View], View]:
        """Register a view: it returns a Response or raises; what it raises becomes an answer."""

        def register(view: View) -> View:
            self.route(path, methods=[method], content_types=[_ANY])(self._guarded(view))
            return view

        return register

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer an API Gateway event (REST API, v1)."""
        try:
            prepared = self._prepared(event)
        except ProblemError as problem:
            return self._dressed(_problem_answer(problem).to_dict([_ANY]))
        answered: dict[str, Any] = super().__call__(prepared, context)
        return self._dressed(answered)

    def _prepared(self, event: Any) -> dict[str, Any]:
        request_context = event.get("requestContext") if isinstance(event, dict) else None
        if not isinstance(request_context, dict) or not request_context.get("resourcePath"):
            raise ProblemError(400, "this is not a request of our API")
        methods = self.routes.get(request_context["resourcePath"])
        if methods is None:
            raise ProblemError(404, "there is no such route")
        if request_context.get("httpMethod") not in methods:
            raise ProblemError(405, "the route has no such method", headers={"Allow": ", ".join(sorted(methods))})
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        self.takes_bytes = "accept" in headers
        headers.setdefault("accept", _ANY)
        headers.setdefault("content-type", "")
        defaults = {
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "body": None,
        }
        # A REST API hands path parameters on as they were sent: `%40` is not yet `@`.
        named = {name: unquote(value) for name, value in (event.get("pathParameters") or {}).items()}
        return {**defaults, **event, "headers": headers, "pathParameters": named}

    def _guarded(self, view: View) -> View:
        def guarded(**arguments: str) -> Response:
            try:
                return view(**arguments)
            except Exception as error:
                problem = problem_of(error)
                if problem is None or problem.status >= 500:
                    failed(self.logger, "request failed", error)
                return _problem_answer(problem or ProblemError(500, "an error of ours; nothing is lost, try again"))

        functools.update_wrapper(guarded, view)
        return guarded

    def _dressed(self, answered: dict[str, Any]) -> dict[str, Any]:
        cors = {
            "Access-Control-Allow-Origin": self.site(),
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
        if refused := without_unregistered(answered, load()):
            # A defect of ours, which the visitor need not pay for: the answer stands, the cookie is not set.
            self.logger.error("a cookie outside the register was not set", extra={"cookies": refused})
        headers = _SAFE_HEADERS | cors | (answered.get("headers") or {})
        if answered.get("isBase64Encoded") and headers.get("Content-Type") in _TEXT:
            # As text it reaches also the caller that sent no Accept header, and is a quarter smaller.
            with contextlib.suppress(UnicodeDecodeError):  # a customer's file may only call itself JSON
                answered |= {"body": base64.b64decode(answered["body"]).decode("utf-8"), "isBase64Encoded": False}
        return answered | {"headers": headers}

    @property
    def request(self) -> Request:
        """The request being answered."""
        if self.current_request is None:
            raise LookupError("no request is being answered")
        return self.current_request


def answer(
    status: int, body: Any = None, *, headers: Mapping[str, Any] | None = None, content_type: str = _JSON
) -> Response:
    """An answer: `body` is bytes as they are, or anything that JSON can hold, or None for an empty one."""
    if body is None:
        raw = b""
    elif isinstance(body, bytes):
        raw = body
    else:
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Response(raw, headers={"Content-Type": content_type, **(headers or {})}, status_code=status)


def _problem_answer(problem: ProblemError) -> Response:
    return answer(problem.status, problem.body(), headers=problem.headers, content_type=CONTENT_TYPE)
