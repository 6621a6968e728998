"""POST /helpdesk/correlations, GET /helpdesk/correlations/{correlation_id}, and its approval."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalice.app import Response

from correlation import deciding
from correlation.parts import Parts, assemble
from privacy.models.correlations import (
    DeliveredError,
    NewCorrelation,
    SamePersonError,
    UnknownAccountError,
    UnknownCorrelationError,
)
from privacy.models.fields import validated
from privacy.models.ids import new_id
from privacy.models.staff import Staff
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.idempotency import idempotent
from privacy.web.requests import json_body, no_fields
from privacy.web.staff import StaffSettings, staff


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("correlation", site=lambda: parts().settings.site_url)

    @app.view("POST", "/helpdesk/correlations")
    def ask() -> Response:
        requester, now = staff(app.request, parts())
        form = validated(NewCorrelation, json_body(app.request), known=NewCorrelation.model_fields)
        return idempotent(
            app.request,
            parts().scope(requester),
            parts().idempotency,
            now,
            plan=lambda: {"correlation_id": new_id(deciding.PREFIX)},
            make=lambda ids: _made(parts(), requester, form, ids, now),
            respond=lambda ids: answer(201, _told(parts(), ids, now)),
        )

    @app.view("GET", "/helpdesk/correlations/{correlation_id}")
    def show(correlation_id: str) -> Response:
        reader, now = staff(app.request, parts())
        try:
            return answer(200, deciding.show(parts(), reader, correlation_id, now))
        except UnknownCorrelationError:
            raise _unknown() from None

    @app.view("POST", "/helpdesk/correlations/{correlation_id}/approval")
    def approve(correlation_id: str) -> Response:
        approver, now = staff(app.request, parts())
        no_fields(app.request)
        try:
            result = deciding.approve(parts(), approver, correlation_id, now)
        except UnknownCorrelationError:
            raise _unknown() from None
        except SamePersonError:
            raise ProblemError(403, "another person must approve") from None
        except DeliveredError:
            raise ProblemError(409, "the result was delivered before, and is not kept; ask anew") from None
        return answer(200, {"result": result.shown()})

    return app


def _made(parts: Parts, requester: Staff, form: NewCorrelation, ids: deciding.Ids, now: datetime) -> deciding.Ids:
    try:
        return deciding.ask(parts, requester, form, ids, now)
    except UnknownAccountError:
        raise ProblemError(404, "there is no such account") from None


def _told(parts: Parts, ids: deciding.Ids, now: datetime) -> dict[str, Any]:
    try:
        return deciding.asked(parts, ids, now)
    except UnknownCorrelationError:
        raise _unknown() from None


def _unknown() -> ProblemError:
    return ProblemError(404, "there is no such request, or it has expired; ask anew")


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
