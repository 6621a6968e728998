"""The published interface against the functions: what each route declares is what its view really takes.

What it answers is held against the document wherever a test asks it anything (`tests.interface`).
"""

import ast
import importlib.util
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from moto import mock_aws

from openapi.routes import FUNCTIONS, Route, routes
from privacy.clock import system_clock
from privacy.models.ids import new_id
from privacy.settings import load
from privacy.web.callers import Open
from signup.parts import SignupSettings
from signup.parts import assemble as assemble_signup
from tests import interface
from tests.unit import engine
from tests.unit.engine import Answer, environment, http
from tests.unit.people import form, token_of
from tests.unit.staff import Issuer

ROUTES = list(routes())
UNKNOWN = "not_of_this_form"
WRONG = {"wrong": ["in any place"]}
"""What no member of a form can be."""


def named(route: Route) -> str:
    return route.name


def declared(route: Route) -> dict[str, Any]:
    """The route as it is published."""
    told: dict[str, Any] = interface.document()["paths"][route.path][route.method.lower()]
    return told


# --- the functions, as they are deployed ---------------------------------------------------------------------------


@dataclass
class World:
    """Every HTTP function over one deployment, and a customer with one of what routes name."""

    issuer: Issuer = field(default_factory=Issuer)
    cookie: str = ""
    names: dict[str, str] = field(default_factory=dict)
    apps: dict[str, Any] = field(default_factory=dict)

    def send(self, route: Route, query: str = "", **request: Any) -> Answer:
        """A request of somebody who may make it, about what is there."""
        path = re.sub(r"\{([^}]+)\}", lambda name: self.names.get(name[1]) or new_id("x"), route.path) + query
        headers = {"X-Requested-With": "tests"} | request.pop("headers", {})
        if isinstance(route.callers, frozenset):
            role = sorted(route.callers)[0].value
            headers["Authorization"] = f"Bearer {self.issuer.token(role, now=system_clock())}"
        return self.ask(route.function, route.method, path, headers=headers, cookie=self.cookie or None, **request)

    def ask(self, function: str, method: str, path: str, **request: Any) -> Answer:
        """A request to a function in the environment that the template gives it."""
        logical = "".join(word.title() for word in function.split("_")) + "Function"
        found = self.issuer.environment(logical) | {"CAPTCHA_VERIFIER": "local"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in found.items():
                patch.setenv(name, value)
            if function not in self.apps:
                self.apps[function] = fresh(function).app
            return http(self.apps[function], method, path, **request)


def fresh(function: str) -> ModuleType:
    """A function's module as a new container imports it: nothing that it keeps is another test's."""
    spec = importlib.util.spec_from_file_location(f"{function}.app", FUNCTIONS / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with mock_aws():
        engine.deploy()
        yield peopled(World())


def peopled(world: World) -> World:
    """Somebody with a trial's database, an upload, a request for erasure, and staff with a grant."""
    reference = made(world.ask("signup", "POST", "/signups", body=form("trial")), "reference")
    links = assemble_signup(load(SignupSettings, environment("SignupFunction", CaptchaVerifier="local")), system_clock)
    confirmed = world.ask("signup", "POST", "/signups/confirmation", body={"token": token_of(links, reference)})
    world.cookie = str(confirmed.cookie)
    database = confirmed.json()["database"]["id"]
    world.names = {"database_id": database, "model": "book", "key": "1"}
    upload = {"database_id": database, "bytes": 1, "content_type": "text/plain"}
    world.names["upload_id"] = made(world.send(route("POST /uploads"), body=upload), "upload_id")
    erasure = {"databases": "delete-now"}
    world.names["erasure_id"] = made(world.send(route("POST /account/erasure"), body=erasure), "request_id")
    grant = {"database_id": database, "purpose": "issue", "reason": "a test", "hours": 1}
    world.names["grant_id"] = made(world.send(route("POST /helpdesk/grants"), body=grant), "grant_id")
    return world


def made(answer: Answer, name: str) -> str:
    assert answer.status in (201, 202), answer.body
    return str(answer.json()[name])


def route(name: str) -> Route:
    (found,) = [route for route in ROUTES if route.name == name]
    return found


# --- forms ---------------------------------------------------------------------------------------------------------


def forms(route: Route) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The published schema of each form that a route takes, and what a body needs to be taken for it."""
    if route.operation.body is None or "application/json" not in declared(route)["requestBody"]["content"]:
        return []
    schema = declared(route)["requestBody"]["content"]["application/json"]["schema"]
    if "oneOf" in schema:
        choice = schema["discriminator"]
        return [(named_schema(at), {choice["propertyName"]: word}) for word, at in choice["mapping"].items()]
    found = named_schema(schema["$ref"]) if "$ref" in schema else schema
    return [(found, {})] if "properties" in found else []


def named_schema(reference: str) -> dict[str, Any]:
    found: dict[str, Any] = interface.document()["components"]["schemas"][reference.rpartition("/")[2]]
    return found


WITH_FORM = [route for route in ROUTES if forms(route)]


def test_what_is_published_as_a_form_is_looked_at() -> None:
    assert len(WITH_FORM) > 20
    takes = {route.name for route in ROUTES if route.operation.body is not None}
    assert takes - {route.name for route in WITH_FORM} == {
        "POST /databases/{database_id}/records/{model}",
        "PUT /databases/{database_id}/records/{model}/{key}",
        "PUT /databases/{database_id}/files/content",
        "POST /marketing/opt-out/{token}",
    }


@pytest.mark.parametrize("route", WITH_FORM, ids=named)
def test_a_form_needs_what_is_published_as_required_and_refuses_what_is_not_in_it(world: World, route: Route) -> None:
    for schema, begun in forms(route):
        assert schema["additionalProperties"] is False
        answer = world.send(route, body=begun | {UNKNOWN: 1})
        assert answer.status == 422, answer.body
        assert answer.errors.pop("(unknown)", None) == "is not a field of this request"
        needed = {name for name, message in answer.errors.items() if message == "is required"}
        assert needed == set(schema.get("required", ())) - begun.keys()


@pytest.mark.parametrize("route", WITH_FORM, ids=named)
def test_a_form_knows_each_member_that_is_published(world: World, route: Route) -> None:
    for schema, begun in forms(route):
        for member in schema["properties"].keys() - begun.keys():
            answer = world.send(route, body=begun | {member: WRONG})
            assert answer.status == 422, answer.body
            told = {name: text for name, text in answer.errors.items() if name.split(".")[0] == member}
            assert told, f"{member} is not read"
            assert told.get(member) != "is not a field of this request"


# --- parameters ----------------------------------------------------------------------------------------------------


@cache
def calls(view: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The functions that a view calls, by name, and the query parameters that it asks for itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(view))))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    asked = [node.args[1] for node in found if isinstance(node.func, ast.Name) and node.func.id == "parameter"]
    return (
        frozenset(node.func.id for node in found if isinstance(node.func, ast.Name)),
        frozenset(str(node.value) for node in asked if isinstance(node, ast.Constant)),
    )


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_view_reads_the_parameters_that_are_published_and_no_other(route: Route) -> None:
    called, asked = calls(route.view)
    operation = route.operation
    assert operation.paged == ("page_request" in called)
    assert operation.creates == ("idempotent" in called)
    assert {name.removesuffix("?") for name in operation.query} == asked


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=named)
def test_a_list_and_nothing_else_has_a_limit(world: World, route: Route) -> None:
    answer = world.send(route, "?limit=0")
    assert ("limit" in answer.errors if answer.status == 422 else False) == route.operation.paged, answer.body


@pytest.mark.parametrize(
    ("route", "name"),
    [(route, name.removesuffix("?")) for route in ROUTES for name in route.operation.query],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_parameter_is_read_once(world: World, route: Route, name: str) -> None:
    there = "" if name == "path" or "path" not in route.operation.query else "path=a&"
    assert world.send(route, f"?{there}{name}=a&{name}=b").errors == {name: "give this once"}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.callers is not Open.ANYBODY], ids=named)
def test_nobody_gets_in_where_somebody_is_asked_for(world: World, route: Route) -> None:
    if route.name == "DELETE /sessions/current":
        return  # its answer is always the same
    path = re.sub(r"\{[^}]+\}", "x", route.path)
    assert world.ask(route.function, route.method, path, headers={"X-Requested-With": "tests"}).status == 401
