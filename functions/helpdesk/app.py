"""The HelpDesk's routes, for staff by their bearer token and role (`privacy.web.callers`)."""

from collections.abc import Callable
from functools import cache

from chalice.app import Response

from helpdesk import audit, campaigns
from helpdesk.parts import Parts, assemble
from privacy.settings import load
from privacy.tables.audit import new_entry
from privacy.web import PrivacyApp, answer
from privacy.web.paging import page_request, sealed_cursor
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

    campaigns.add_routes(app, parts)
    return app


app = build(cache(lambda: assemble(load(StaffSettings))))
