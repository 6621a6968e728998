"""The document: what each route takes, what it may answer, and who may call it.

Refusals follow from what a route takes: who must be known may be unknown, what is read may be wrong.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from openapi.routes import Route, routes
from privacy.models.fields import FilePath, RecordKey, RecordModel
from privacy.web.callers import Open
from privacy.web.identity import COOKIE
from privacy.web.operations import JSON, Answer, Content, Operation
from privacy.web.paging import DEFAULT_LIMIT, MAX_LIMIT
from privacy.web.problems import CONTENT_TYPE, TITLES
from privacy.web.shapes import PROBLEM, TEXT, Shape

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "docs/openapi.json"

_COMPONENT = "#/components/schemas/"
_ANYWHERE = (429, 500, 503)
"""Throttled, a defect of ours, or a store that does not answer."""

_OF_A_BODY = (400, 413, 415, 422)
_CHANGES = ("POST", "PUT", "PATCH", "DELETE")
_REPEATABLE = ("429", "503")

_KINDS = {"model": RecordModel, "key": RecordKey, "path": FilePath}
"""What is known of parameters beyond that they are text."""

_WHAT = {
    400: "The request is malformed.",
    401: "There is no session or no token that counts.",
    403: "The caller may not do this, or a change came from another site.",
    404: "There is no such thing, or it is somebody else's.",
    409: "The state of things does not allow this, or the first request with the same Idempotency-Key is running.",
    410: "The database is destroyed.",
    413: "The body is too large.",
    415: "The body has the wrong content type.",
    422: "The input is not valid: `errors` names the fields, never a value.",
    429: "Too many requests.",
    500: "An error of ours.",
    503: "Something behind is down.",
}


class _Forms(GenerateJsonSchema):
    """The forms' schemas, without a title that only repeats a member's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: the name says it."""
        return False


def document() -> dict[str, Any]:
    """The whole document. Raises: UndeclaredError, ValueError for two shapes of one name."""
    found = sorted(routes(), key=lambda route: (route.path, route.method))
    forms, schemas = _forms(found)
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, forms, schemas)
    _component(PROBLEM, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PerfectWORK privacy",
            "version": tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"],
            "description": "What the website, the control panel and the HelpDesk call. Times are RFC 3339 in UTC, "
            "durations ISO 8601, ids opaque. Errors are problem documents (RFC 9457) and repeat nothing that was sent.",
        },
        "tags": [{"name": name} for name in sorted({route.function for route in found})],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {_problem(status): _refusal(status) for status in _WHAT},
            "parameters": _PARAMETERS,
            "securitySchemes": _SCHEMES,
        },
    }


def written() -> str:
    """The document as it is published."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


_PARAMETERS = {
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many items a page has at most; a page ends at 4 MB in any case.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `next_cursor` of the page before.",
        "schema": TEXT,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "For a day, the same key with the same body makes one thing and gets one answer.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    },
    "RequestedWith": {
        "name": "X-Requested-With",
        "in": "header",
        "description": "Anything, from a script: a change needs this, or an `Origin` of the website.",
        "schema": TEXT,
    },
}
_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A customer's session. What changes something also needs an `Origin` of the website, or the "
        "header `X-Requested-With`.",
    },
    "staff": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Staff, by a token of the configured issuer whose `roles` name one that the route is for.",
    },
}


def _forms(found: list[Route]) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """The schema of each route's form, by the route's name, and the components that they refer to."""
    adapters = {route.name: adapter for route in found if (adapter := _adapter(route.operation))}
    made, shared = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in adapters.items()],
        ref_template=_COMPONENT + "{model}",
        schema_generator=_Forms,
    )
    names = {name: _short(name) for name in shared.get("$defs", {})}
    renamed = json.loads(
        re.sub(
            rf'"{_COMPONENT}([^"]+)"',
            lambda match: json.dumps(_COMPONENT + names[match[1]]),
            json.dumps({"forms": {name: schema for (name, _), schema in made.items()}, "shared": shared["$defs"]}),
        )
    )
    return renamed["forms"], {names[name]: schema for name, schema in renamed["shared"].items()}


def _adapter(operation: Operation) -> TypeAdapter[Any] | None:
    body = operation.body.form if isinstance(operation.body, Content) else operation.body
    if body is None or isinstance(body, TypeAdapter):
        return body
    return TypeAdapter(body)


def _short(name: str) -> str:
    """Where two modules have a model of one name, pydantic writes the whole way to each: the last step will do."""
    *way, model = name.split("__")
    return (way[-1].title() if way else "") + model


def _operation(route: Route, forms: Mapping[str, Shape], schemas: dict[str, Shape]) -> dict[str, Any]:
    operation = route.operation
    told: dict[str, Any] = {
        "tags": [route.function],
        "operationId": f"{route.function}.{route.view.__name__}",
        "summary": operation.summary,
        "security": _security(route),
        "parameters": [*_named(route), *_queried(operation), *_shared(route)],
        "responses": {
            str(int(status)): _answer(operation.answers[status], schemas) for status in sorted(operation.answers)
        },
    }
    if operation.body is not None:
        told["requestBody"] = _body(operation, forms.get(route.name))
    for status in sorted(_refusals(route)):
        told["responses"][str(status)] = {"$ref": f"#/components/responses/{_problem(status)}"}
    return told


def _security(route: Route) -> list[dict[str, list[str]]]:
    if isinstance(route.callers, Open):
        return [{"session": []}] if route.callers is Open.CUSTOMER else []
    return [{"staff": [role.value]} for role in sorted(route.callers)]


def _named(route: Route) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{([^}]+)\}", route.path):
        yield {"name": name, "in": "path", "required": True, "schema": _kind(name, TEXT)}


def _queried(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, schema in operation.query.items():
        plain = name.removesuffix("?")
        yield {"name": plain, "in": "query", "required": plain == name, "schema": _kind(plain, schema)}


def _kind(name: str, schema: Shape) -> Shape:
    return TypeAdapter(_KINDS[name]).json_schema() if name in _KINDS else schema


def _shared(route: Route) -> Iterator[dict[str, str]]:
    names = ["limit", "cursor"] if route.operation.paged else []
    names += ["IdempotencyKey"] if route.operation.creates else []
    names += ["RequestedWith"] if route.callers is Open.CUSTOMER and route.method in _CHANGES else []
    return ({"$ref": f"#/components/parameters/{name}"} for name in names)


def _body(operation: Operation, form: Shape | None) -> dict[str, Any]:
    told: dict[str, Any] = {"required": not operation.may_be_empty}
    content: dict[str, Any] = {}
    if isinstance(operation.body, Content):
        told["description"] = operation.body.what
        content = {kind: {"schema": schema} if schema else {} for kind, schema in operation.body.types.items()}
    if form is not None:
        content[JSON] = {"schema": form}
    return told | {"content": content}


def _answer(answer: Shape | Answer | None, schemas: dict[str, Shape]) -> dict[str, Any]:
    if not isinstance(answer, Answer):
        answer = Answer({} if answer is None else {JSON: answer})
    told: dict[str, Any] = {"description": "Done." if answer.content else "Done; no body."}
    if answer.headers:
        told["headers"] = {
            name: {"description": what, "required": True, "schema": TEXT} for name, what in answer.headers.items()
        }
    if answer.content:
        told["content"] = {
            kind: {"schema": _component(schema, schemas)} if schema else {} for kind, schema in answer.content.items()
        }
    return told


def _refusals(route: Route) -> set[int]:
    operation = route.operation
    found = {*_ANYWHERE, *operation.problems}
    if route.callers is not Open.ANYBODY:
        found |= {401}
    if not isinstance(route.callers, Open) or (route.callers is Open.CUSTOMER and route.method in _CHANGES):
        found |= {403}
    if operation.body is not None or route.method == "POST":
        found |= set(_OF_A_BODY)
    if operation.query or operation.paged:
        found |= {422}
    if operation.creates:
        found |= {409, 422}
    return found


def _refusal(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": f"{TITLES[status]}. {_WHAT[status]}"}
    if str(status) in _REPEATABLE:
        told["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "string"}}
        }
    return told | {"content": {CONTENT_TYPE: {"schema": {"$ref": f"{_COMPONENT}Problem"}}}}


def _problem(status: int) -> str:
    return f"Problem{status}"


def _component(schema: Any, schemas: dict[str, Shape]) -> Any:
    """The schema, each titled object in it by reference to its component."""
    if isinstance(schema, list):
        return [_component(entry, schemas) for entry in schema]
    if not isinstance(schema, Mapping):
        return schema
    placed = {name: _component(value, schemas) for name, value in schema.items()}
    title = placed.get("title")
    if not isinstance(title, str):
        return placed
    if schemas.setdefault(title, placed) != placed:
        raise ValueError(f"two shapes are called {title}")
    return {"$ref": _COMPONENT + title}
