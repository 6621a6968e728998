"""The routes of recordings: of customers by their session, and of staff by their token (`privacy.web.callers`)."""

from collections.abc import Callable

from chalice.app import Response

from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, answer
from privacy.web.idempotency import idempotent
from privacy.web.identity import caller
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.requests import json_body
from privacy.web.staff import StaffSettings, staff
from recordings import bringing, ending, seeing
from recordings.parts import Parts, assemble


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("recordings", site=lambda: parts().settings.site_url)

    @app.view("POST", "/recordings")
    def bring() -> Response:
        owner, now = caller(app.request, parts())
        form = validated(bringing.NewRecording, json_body(app.request))
        database = bringing.opened(parts(), owner, form.upload_id)
        return idempotent(
            app.request,
            owner,
            parts().idempotency,
            now,
            plan=dict,
            make=lambda _: {"recording_id": bringing.bring(parts(), database, form, now).id},
            respond=lambda ids: answer(201, seeing.show(parts(), owner, ids["recording_id"], now)),
        )

    @app.view("GET", "/recordings")
    def page() -> Response:
        owner, now = caller(app.request, parts())
        limit, cursor = page_request(app.request)
        items, after = seeing.page(parts(), owner, limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("DELETE", "/recordings/{recording_id}")
    def delete(recording_id: str) -> Response:
        owner, now = caller(app.request, parts())
        ending.delete(parts(), seeing.of_owner(parts(), owner, recording_id, now), now)
        return answer(204)

    @app.view("PUT", "/recordings/{recording_id}/status")
    def mark(recording_id: str) -> Response:
        member, now = staff(app.request, parts())
        form = validated(ending.Marking, json_body(app.request))
        return answer(200, ending.mark(parts(), member, recording_id, form, now))

    return app


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
