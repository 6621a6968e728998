"""POST /visits."""

from collections.abc import Callable
from dataclasses import asdict

from chalice.app import Response

from privacy.models.fields import validated
from privacy.models.visits import VisitReport, summarise
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, answer
from privacy.web.requests import address, country, json_body, raw_body
from visits.parts import Parts, VisitsSettings, assemble


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("visits", site=lambda: parts().settings.site_url)

    @app.view("POST", "/visits")
    def record() -> Response:
        request, edge = app.request, parts().settings.trusted_edge
        document = json_body(request) if raw_body(request) else {}
        report = validated(VisitReport, document, known=VisitReport.model_fields)
        summary = summarise(
            dict(request.headers),
            address=address(request, edge),
            referrer=report.referrer,
            language=report.language,
            country=country(request, edge),
            site=parts().settings.site_url,
        )
        parts().visits.record(asdict(summary), parts().clock())
        return answer(202)

    return app


app = build(under_policy_in_force(lambda: assemble(load(VisitsSettings))))
