"""The HelpDesk's routes, for staff by their bearer token and role (`privacy.web.callers`)."""

from collections.abc import Callable

from chalice.app import Response

from helpdesk import audit, campaigns, disclosures, grants, support
from helpdesk.parts import Parts, assemble
from privacy.models.access import NewGrant, NoRequestError, UnknownGrantError
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.tables.audit import new_entry
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.idempotency import idempotent
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.requests import json_body
from privacy.web.staff import StaffSettings, staff


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("helpdesk", site=lambda: parts().settings.site_url)

    @app.view("GET", "/helpdesk/audit")
    def read_audit() -> Response:
        reader, now = staff(app.request, parts())
        limit, cursor = page_request(app.request)
        parts().trail.add(new_entry("audit.read", parts().pseudonym(reader), now))
        items, after = audit.page(parts(), limit, cursor)
        body = {"items": items, "next_cursor": sealed_cursor(after), "check": audit.check(parts())}
        return answer(200, body)

    @app.view("GET", "/helpdesk/support-requests")
    def list_support_requests() -> Response:
        reader, now = staff(app.request, parts())
        limit, cursor = page_request(app.request)
        parts().trail.add(new_entry("support-requests.read", parts().pseudonym(reader), now))
        items, after = support.page(parts(), limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    campaigns.add_routes(app, parts)
    disclosures.add_routes(app, parts)
    _add_grants(app, parts)
    return app


def _add_grants(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/helpdesk/grants")
    def grant() -> Response:
        member, now = staff(app.request, parts())
        by = parts().pseudonym(member)
        form = validated(NewGrant, json_body(app.request))
        try:
            return idempotent(
                app.request,
                by,
                parts().idempotency,
                now,
                plan=lambda: grants.plan(form, now),
                make=lambda ids: grants.make(parts(), by, form, ids, now),
                respond=lambda ids: answer(201, grants.made(parts(), ids, now)),
            )
        except NoRequestError:
            raise ProblemError(409, "nobody asked for support with this database in the last 14 days") from None
        except UnknownGrantError:
            raise ProblemError(404, "there is no such grant") from None

    @app.view("DELETE", "/helpdesk/grants/{grant_id}")
    def end_grant(grant_id: str) -> Response:
        member, now = staff(app.request, parts())
        try:
            grants.end(parts(), parts().pseudonym(member), grant_id, now)
        except UnknownGrantError:
            raise ProblemError(404, "there is no such grant") from None
        return answer(204)


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
