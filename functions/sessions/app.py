"""Sessions (POST /sessions, GET and DELETE /sessions/current) and passwords (PUT /account/password, POST
/password-resets and its confirmation).
"""

from collections.abc import Callable

from chalice.app import Response

from privacy.clock import rfc3339
from privacy.models.fields import validated
from privacy.models.sessions import SignIn
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.vault.tokens import session_hash
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.identity import (
    cookie_token,
    customer,
    no_session_cookie,
    refuse_from_elsewhere,
    refuse_other_sites,
    session_cookie,
)
from privacy.web.problems import invalid
from privacy.web.requests import address, json_body
from sessions import passwords
from sessions.parts import Parts, SessionsSettings, assemble
from sessions.signing_in import TooManyAttemptsError, WrongCredentialsError, sign_in


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("sessions", site=lambda: parts().settings.site_url)

    @app.view("POST", "/sessions")
    def begin() -> Response:
        request = app.request
        refuse_other_sites(request, parts().settings.site_url)
        form = validated(SignIn, json_body(request), known=SignIn.model_fields)
        visitor = address(request, parts().settings.trusted_edge)
        try:
            signed_in = sign_in(parts(), form, address=visitor, old_token=cookie_token(request))
        except TooManyAttemptsError as error:
            raise _too_many(error) from None
        except WrongCredentialsError:
            raise ProblemError(401, "the address or the password is wrong") from None
        session = signed_in.session
        expires_at = session.expires_at(parts().policy)
        body = {"account_id": session.account_id, "expires_at": rfc3339(expires_at)}
        return answer(201, body, headers=session_cookie(parts().policy, signed_in.token, session.created_at))

    @app.view("GET", "/sessions/current")
    def current() -> Response:
        session = customer(app.request, parts().sessions, parts().settings.site_url, parts().clock())
        return answer(
            200,
            {
                "account_id": session.account_id,
                "created_at": rfc3339(session.created_at),
                "last_used_at": rfc3339(session.last_used_at),
                "expires_at": rfc3339(session.expires_at(parts().policy)),
            },
        )

    @app.view("DELETE", "/sessions/current")
    def end() -> Response:
        request = app.request
        refuse_from_elsewhere(request, parts().settings.site_url)
        if token := cookie_token(request):
            parts().sessions.end(session_hash(token))
        return answer(204, headers=no_session_cookie(parts().policy))

    @app.view("PUT", "/account/password")
    def change_password() -> Response:
        request = app.request
        session = customer(request, parts().sessions, parts().settings.site_url, parts().clock())
        form = validated(passwords.NewPassword, json_body(request))
        try:
            passwords.change(parts(), session, form)
        except TooManyAttemptsError as error:
            raise _too_many(error) from None
        except passwords.WrongPasswordError:
            raise invalid("current", "is not your password") from None
        return answer(204)

    @app.view("POST", "/password-resets")
    def ask_for_reset() -> Response:
        passwords.ask_for_reset(parts(), validated(passwords.ResetRequest, json_body(app.request)))
        return answer(202)

    @app.view("POST", "/password-resets/confirmation")
    def reset() -> Response:
        request = app.request
        refuse_other_sites(request, parts().settings.site_url)
        try:
            passwords.reset(parts(), validated(passwords.Reset, json_body(request)))
        except passwords.LinkError:
            raise invalid("token", "the link is not valid, was used, or has expired; ask for a new one") from None
        return answer(204, headers=no_session_cookie(parts().policy))

    return app


def _too_many(error: TooManyAttemptsError) -> ProblemError:
    wait = {"Retry-After": str(error.seconds)}
    return ProblemError(429, f"too many passwords were tried; wait {error.seconds} s", headers=wait)


app = build(under_policy_in_force(lambda: assemble(load(SessionsSettings))))
