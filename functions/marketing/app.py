"""GET and PUT /account/marketing, GET and POST /marketing/opt-out/{token}."""

from collections.abc import Callable
from typing import Any

from chalice.app import Response

from marketing.choice import Choice, NoAccountError, choose, linked, show, told_by_link
from marketing.page import CONTENT_TYPE, HEADERS, page
from marketing.parts import Parts, assemble
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load
from privacy.vault.tokens import TokenError
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.identity import customer
from privacy.web.requests import json_body, prefers_html


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("marketing", site=lambda: parts().settings.site_url)

    @app.view("GET", "/account/marketing")
    def chosen() -> Response:
        session = customer(app.request, parts().sessions, parts().settings.site_url, parts().clock())
        return answer(200, _shown(parts(), session.account_id))

    @app.view("PUT", "/account/marketing")
    def choose_anew() -> Response:
        now = parts().clock()
        session = customer(app.request, parts().sessions, parts().settings.site_url, now)
        form = validated(Choice, json_body(app.request), known=Choice.model_fields)
        choose(parts(), session.account_id, form.agreed, now)
        return answer(200, _shown(parts(), session.account_id))

    @app.view("GET", "/marketing/opt-out/{token}")
    def look(token: str) -> Response:
        # Link scanners and mail programs look at links by themselves: looking changes nothing (RFC 8058, section 1).
        return _told(app, parts(), _account(parts(), token))

    @app.view("POST", "/marketing/opt-out/{token}")
    def opt_out(token: str) -> Response:
        # Nothing of the request is asked for but the token: no login, no Origin, no body of any shape (RFC 8058).
        account_id = _account(parts(), token)
        choose(parts(), account_id, False, parts().clock())
        return _told(app, parts(), account_id)

    return app


def _shown(parts: Parts, account_id: str) -> dict[str, Any]:
    try:
        return show(parts, account_id)
    except NoAccountError:
        raise ProblemError(401, "there is no such account any more") from None


def _account(parts: Parts, token: str) -> str:
    try:
        return linked(parts, token, parts.clock())
    except TokenError:
        raise ProblemError(404, "the link is not valid or has expired") from None


def _told(app: PrivacyApp, parts: Parts, account_id: str) -> Response:
    told = told_by_link(parts.accounts.get(account_id))
    if prefers_html(app.request):
        return answer(200, page(told["agreed"]), headers=HEADERS, content_type=CONTENT_TYPE)
    return answer(200, told, headers={"Vary": HEADERS["Vary"]})


app = build(under_policy_in_force(lambda: assemble(load(Deployment))))
