"""The routes of holds, for staff of security and the data protection officer (`privacy.web.callers`)."""

from collections.abc import Callable

from chalice.app import Response

from holds import holding
from holds.parts import Parts, assemble
from privacy.models.fields import validated
from privacy.models.holds import NewHold
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.tables.audit import new_entry
from privacy.web import PrivacyApp, answer
from privacy.web.idempotency import idempotent
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.problems import ProblemError
from privacy.web.requests import json_body
from privacy.web.staff import StaffSettings, staff


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("holds", site=lambda: parts().settings.site_url)

    @app.view("POST", "/helpdesk/holds")
    def create() -> Response:
        member, now = staff(app.request, parts())
        form = validated(NewHold, json_body(app.request))
        owner = parts().pseudonym(member)
        return idempotent(
            app.request,
            owner,
            parts().idempotency,
            now,
            plan=holding.plan,
            make=lambda ids: holding.make(parts(), owner, form, ids, now),
            respond=lambda ids: answer(201, holding.made(parts(), ids, now)),
        )

    @app.view("GET", "/helpdesk/holds")
    def page() -> Response:
        member, now = staff(app.request, parts())
        limit, cursor = page_request(app.request)
        parts().trail.add(new_entry("holds.read", parts().pseudonym(member), now))
        items, after = holding.page(parts(), limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("DELETE", "/helpdesk/holds/{hold_id}")
    def release(hold_id: str) -> Response:
        member, now = staff(app.request, parts())
        try:
            holding.release(parts(), parts().pseudonym(member), hold_id, now)
        except holding.UnknownHoldError:
            raise ProblemError(404, "there is no such hold") from None
        return answer(204)

    return app


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
