"""`/helpdesk/erasures`, for the HelpDesk (`privacy.web.callers`)."""

from collections.abc import Callable

from chalice.app import Response

from erasures import deciding
from erasures.parts import Parts, assemble
from privacy.models.erasures import ErasureStateError, NewDecision
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.tables.audit import new_entry
from privacy.web import PrivacyApp, answer
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.problems import invalid
from privacy.web.requests import json_body, parameter
from privacy.web.staff import StaffSettings, staff


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("erasures", site=lambda: parts().settings.site_url)

    @app.view("GET", "/helpdesk/erasures")
    def page() -> Response:
        reader, now = staff(app.request, parts())
        limit, cursor = page_request(app.request)
        parts().trail.add(new_entry("erasures.listed", parts().pseudonym(reader), now))
        items, after = deciding.page(parts(), limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("GET", "/helpdesk/erasures/{erasure_id}")
    def look(erasure_id: str) -> Response:
        reader, now = staff(app.request, parts())
        erasure = deciding.existing(parts(), erasure_id, now)
        parts().trail.add(new_entry("erasure.read", parts().pseudonym(reader), now, subject=erasure.id))
        return answer(200, deciding.shown(parts(), erasure, now))

    @app.view("POST", "/helpdesk/erasures/{erasure_id}/decision")
    def decide(erasure_id: str) -> Response:
        clerk, now = staff(app.request, parts())
        erasure = deciding.existing(parts(), erasure_id, now)
        by, dry = parts().pseudonym(clerk), _dry_run(parameter(app.request, "dry_run"))
        form = validated(NewDecision, json_body(app.request))
        action = "erasure.tried" if dry else f"erasure.{form.decision.value}"
        parts().trail.add(new_entry(action, by, now, subject=erasure.id))
        if dry:
            return answer(200, deciding.dry_run(parts(), erasure, now))
        try:
            return answer(200, deciding.decide(parts(), erasure, form, by, now))
        except ErasureStateError:
            nothing = {"decision": form.decision.value}
            parts().trail.add(new_entry("erasure.not-done", by, now, subject=erasure.id, facts=nothing))
            raise

    return app


def _dry_run(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise invalid("dry_run", "must be true or false")
    return text == "true"


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
