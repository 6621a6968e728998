"""The route of trend reports, for the data protection officer (`privacy.web.callers`)."""

from collections.abc import Callable

from chalice.app import Response

from privacy.models.paging import CursorError
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, answer
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.problems import invalid
from privacy.web.staff import StaffSettings, staff
from trends.parts import Parts, assemble
from trends.reading import page


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("trends", site=lambda: parts().settings.site_url)

    @app.view("GET", "/helpdesk/trends")
    def read() -> Response:
        _, now = staff(app.request, parts())
        limit, cursor = page_request(app.request)
        try:
            items, after = page(parts(), limit, cursor, now)
        except CursorError:
            raise invalid("cursor", "use the next_cursor of the page before") from None
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    return app


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
