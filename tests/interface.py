"""The published interface, as what every answer in the tests is held against (docs/openapi.json)."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = Path(__file__).parents[1] / "docs/openapi.json"
NAME = "urn:perfectwork"

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@FORMATS.checks("date", raises=ValueError)
def _is_date(text: object) -> bool:
    return not isinstance(text, str) or bool(date.fromisoformat(text))


@FORMATS.checks("uri")
def _is_link(text: object) -> bool:
    return not isinstance(text, str) or text.startswith(("https://", "http://"))


@cache
def document() -> dict[str, Any]:
    """The document as it is published."""
    published: dict[str, Any] = json.loads(DOCUMENT.read_text("utf-8"))
    return published


def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """The route and method, as the document has them, of a request's path (or of a route), or None."""
    path = unquote(path.partition("?")[0])  # the gateway takes an encoded slash for one, and finds no route
    for route, pattern in _patterns():
        if (route == path or pattern.fullmatch(path)) and method.lower() in document()["paths"][route]:
            return route, method.lower()
    return None


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Check that the interface foresees an answer: its status, its headers, its content type and its shape. What goes
    to no route of ours is not looked at.
    """
    found = operation_of(method, path)
    if found is None:
        return
    where = f"{method} {found[0]} answered {status}"
    responses = document()["paths"][found[0]][found[1]]["responses"]
    assert str(status) in responses, f"{where}, which docs/openapi.json does not foresee"
    told = _resolved(responses[str(status)])
    sent = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in told.get("headers", {}) if name.lower() not in sent]
    assert not missing, f"{where} without {missing}"
    content = told.get("content", {})
    if not content:
        assert not body, f"{where} with a body, which docs/openapi.json does not foresee"
        return
    kind = sent.get("content-type", "").partition(";")[0]
    assert kind in content or "*/*" in content, f"{where} as {kind}, which docs/openapi.json does not foresee"
    if kind not in content or "json" not in kind:
        return
    for error in _validator(*found, str(status), kind).iter_errors(json.loads(body)):
        rule = "/".join(map(str, error.absolute_schema_path))
        raise AssertionError(f"{where}, not in its shape: {error.json_path} breaks {rule}: {error.message[:300]}")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The routes, those with the fewest parameters first, as API Gateway chooses."""
    routes = sorted(document()["paths"], key=lambda route: route.count("{"))
    return [(route, re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(route)))) for route in routes]


def _resolved(response: dict[str, Any]) -> dict[str, Any]:
    reference = response.get("$ref")
    if reference is None:
        return response
    shared: dict[str, Any] = document()["components"]["responses"][reference.rpartition("/")[2]]
    return shared


@cache
def _registry() -> Any:
    return Registry().with_resource(NAME, DRAFT202012.create_resource(document()))


@cache
def _validator(route: str, method: str, status: str, kind: str) -> Draft202012Validator:
    response = document()["paths"][route][method]["responses"][status]
    schema = _absolute(_resolved(response)["content"][kind].get("schema", True))
    return Draft202012Validator(schema, registry=_registry(), format_checker=FORMATS)


def _absolute(schema: Any) -> Any:
    """A schema whose references say in which document they are."""
    if isinstance(schema, list):
        return [_absolute(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: f"{NAME}{value}" if name == "$ref" and isinstance(value, str) else _absolute(value)
        for name, value in schema.items()
    }
