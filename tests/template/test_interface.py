"""The published interface: valid, current, and of the routes that the template deploys."""

from openapi_spec_validator import OpenAPIV31SpecValidator

from openapi.document import PUBLISHED, written
from openapi.routes import routes
from privacy.web.callers import CALLERS
from tests import interface
from tests.template.source import resources


def test_what_is_published_is_what_the_routes_say_now() -> None:
    assert PUBLISHED.read_text("utf-8") == written(), "run `make openapi`"


def test_it_is_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(interface.document()).iter_errors()] == []


def test_it_has_the_routes_of_the_template_and_no_other() -> None:
    deployed = {
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"
        for function in resources("AWS::Serverless::Function").values()
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    }
    published = {
        f"{method.upper()} {path}" for path, methods in interface.document()["paths"].items() for method in methods
    }
    assert published == deployed == set(CALLERS) == {route.name for route in routes()}
