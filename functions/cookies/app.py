"""GET and PUT /cookies/consent."""

from collections.abc import Callable

from chalice.app import Request, Response

from cookies.choosing import Browser, Consent, choose, show
from cookies.parts import Parts, assemble
from privacy.models.consent import COOKIE, ConsentForm
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load
from privacy.web import PrivacyApp, answer
from privacy.web.cookies import headers, sent_names, sent_values
from privacy.web.identity import refuse_other_sites
from privacy.web.requests import json_body


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("cookies", site=lambda: parts().settings.site_url)

    @app.view("GET", "/cookies/consent")
    def chosen() -> Response:
        return _told(show(parts(), _browser(app.request)))

    @app.view("PUT", "/cookies/consent")
    def choose_anew() -> Response:
        request = app.request
        refuse_other_sites(request, parts().settings.site_url)
        form = validated(ConsentForm, json_body(request), known=ConsentForm.model_fields)
        return _told(choose(parts(), form, _browser(request)))

    return app


def _browser(request: Request) -> Browser:
    gpc = "1" in [said.strip() for said in str(request.headers.get("sec-gpc", "")).split(",")]  # one sent twice, too
    return Browser(sent_names(request), sent_values(request, COOKIE), gpc)


def _told(consent: Consent) -> Response:
    return answer(200, consent.body, headers=headers(consent.cookies))


app = build(under_policy_in_force(lambda: assemble(load(Deployment))))
