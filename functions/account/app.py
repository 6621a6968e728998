"""`/account`: one's own profile, all one's data, and asking for its erasure."""

from collections.abc import Callable

from chalice.app import Response

from account import data, erasing, profile
from account.parts import AccountSettings, Parts, assemble, caller
from privacy.models.accounts import Confirmation
from privacy.models.erasures import NewErasure
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.idempotency import idempotent
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.problems import invalid
from privacy.web.requests import json_body, no_fields

CHANGED_AT_ONCE = "the account was changed at the same moment; look at it again"


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("account", site=lambda: parts().settings.site_url)
    _add_profile(app, parts)
    _add_data(app, parts)
    _add_erasure(app, parts)
    return app


def _add_profile(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("GET", "/account")
    def show() -> Response:
        return answer(200, profile.show(parts(), caller(app.request, parts())))

    @app.view("PATCH", "/account")
    def correct() -> Response:
        who = caller(app.request, parts())
        changes = profile.checked(json_body(app.request), who.account)
        try:
            return answer(200, profile.correct(parts(), who, changes))
        except profile.ChangedAtOnceError:
            raise ProblemError(409, CHANGED_AT_ONCE) from None

    @app.view("POST", "/account/email/confirmation")
    def confirm_address() -> Response:
        who = caller(app.request, parts())
        form = validated(Confirmation, json_body(app.request))
        try:
            return answer(200, profile.confirm_address(parts(), who, form.token))
        except profile.LinkError:
            raise invalid("token", "the link is not valid, was used, or has expired; give the address again") from None
        except profile.AddressTakenError:
            raise ProblemError(409, "there is an account for this address already") from None
        except profile.ChangedAtOnceError:
            raise ProblemError(409, CHANGED_AT_ONCE) from None


def _add_data(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("GET", "/account/data")
    def page() -> Response:
        who = caller(app.request, parts())
        limit, cursor = page_request(app.request)
        items, after = parts().registry.page(who.person, who.now, limit, cursor)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("POST", "/account/data/exports")
    def export() -> Response:
        who = caller(app.request, parts())
        no_fields(app.request)
        return idempotent(
            app.request,
            who.person.owner,
            parts().idempotency,
            who.now,
            plan=data.plan,
            make=lambda ids: data.ask(parts(), who, ids),
            respond=lambda ids: answer(202, {"export_id": ids["export_id"]}),
        )

    @app.view("GET", "/account/data/exports/{export_id}")
    def follow_export(export_id: str) -> Response:
        return answer(200, data.follow(parts(), caller(app.request, parts()), export_id))


def _add_erasure(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/account/erasure")
    def ask() -> Response:
        who = caller(app.request, parts())
        form = validated(NewErasure, json_body(app.request))
        return idempotent(
            app.request,
            who.person.owner,
            parts().idempotency,
            who.now,
            plan=erasing.plan,
            make=lambda ids: erasing.ask(parts(), who, form, ids),
            respond=lambda ids: answer(202, erasing.answered(parts(), ids)),
        )

    @app.view("GET", "/account/erasure")
    def follow() -> Response:
        return answer(200, erasing.follow(parts(), caller(app.request, parts())))


app = build(under_policy_in_force(lambda: assemble(load(AccountSettings))))
