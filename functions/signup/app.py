"""POST /signups and POST /signups/confirmation."""

from collections.abc import Callable
from typing import Any

from chalice.app import Response

from privacy.models.accounts import Confirmation
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.idempotency import idempotent
from privacy.web.identity import refuse_other_sites, session_cookie
from privacy.web.problems import invalid, unavailable
from privacy.web.requests import address, country, json_body
from signup.captcha import VerifierDownError
from signup.capture import Visitor, accepted_form, capture, plan, receipt
from signup.confirmation import AddressTakenError, Confirmed, LinkError, confirm
from signup.parts import Parts, SignupSettings, assemble


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("signup", site=lambda: parts().settings.site_url)

    @app.view("POST", "/signups")
    def sign_up() -> Response:
        request, now = app.request, parts().clock()
        form = accepted_form(json_body(request))
        visitor = Visitor(country(request, parts().settings.trusted_edge))
        try:
            return idempotent(
                request,
                # All visitors share one scope: the digest of the body tells their requests apart.
                parts().pseudonyms().of("caller", "public"),
                parts().idempotency,
                now,
                plan=lambda: plan(form, now),
                make=lambda ids: capture(parts(), form, visitor, ids),
                respond=lambda ids: answer(202, receipt(parts(), form, ids)),
            )
        except VerifierDownError:
            raise unavailable("the form's protection cannot be reached; try again", seconds=30) from None

    @app.view("POST", "/signups/confirmation")
    def confirmation() -> Response:
        request = app.request
        refuse_other_sites(request, parts().settings.site_url)
        body = validated(Confirmation, json_body(request), known=Confirmation.model_fields)
        try:
            edge = parts().settings.trusted_edge
            confirmed = confirm(parts(), body.token, address(request, edge), country(request, edge))
        except LinkError:
            raise invalid("token", "the link is not valid or has expired; sign up again") from None
        except AddressTakenError:
            raise ProblemError(409, "there is an account for this address; sign in") from None
        if confirmed.session is None or confirmed.token is None:
            return answer(200, _body(confirmed))
        cookie = session_cookie(parts().policy, confirmed.token, confirmed.session.created_at)
        return answer(201, _body(confirmed), headers=cookie)

    return app


def _body(confirmed: Confirmed) -> dict[str, Any]:
    database = confirmed.database
    shown = (
        {"id": database.id, "name": database.name, "region": database.region, "status": database.status.value}
        if database
        else None
    )
    return {"account_id": confirmed.account_id, "database": shown}


app = build(under_policy_in_force(lambda: assemble(load(SignupSettings))))
