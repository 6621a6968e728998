"""The control panel's routes: `/databases` and what belongs to one database, its content apart."""

from collections.abc import Callable
from datetime import datetime

from chalice.app import Request, Response

from databases import backups, control, deletion, exports, imports, region, support
from databases.parts import DatabasesSettings, Parts, assemble
from privacy.models.access import NewRequest
from privacy.models.databases import Database, existing
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.idempotency import idempotent
from privacy.web.identity import account_caller, caller
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.requests import JSON, country, json_body, no_fields, raw_body

ZIP = ("application/zip", "application/octet-stream", "application/x-zip-compressed")
"""What an export may call itself when it comes back."""


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("databases", site=lambda: parts().settings.site_url)
    _add_control(app, parts)
    _add_deletion(app, parts)
    _add_transfers(app, parts)
    _add_region(app, parts)
    _add_backups(app, parts)
    _add_support(app, parts)
    return app


def _existing(app: PrivacyApp, parts: Parts, database_id: str) -> tuple[Database, datetime]:
    """The database that a route names, when it is the caller's and not destroyed, and the time of the request. What is
    wrong with a request's body matters only then.

    Raises: ProblemError 401 or 403, UnknownDatabaseError, DatabaseDestroyedError.
    """
    owner, now = caller(app.request, parts)
    return existing(parts.databases.of_owner(owner, database_id)), now


def _add_control(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/databases")
    def create() -> Response:
        account_id, owner, now = account_caller(app.request, parts())
        form = validated(control.NewDatabase, json_body(app.request))
        visitor = country(app.request, parts().settings.trusted_edge)
        return idempotent(
            app.request,
            owner,
            parts().idempotency,
            now,
            plan=lambda: control.plan(parts(), form, visitor),
            make=lambda ids: control.create(parts(), account_id, owner, form, ids, now),
            respond=lambda ids: answer(201, control.made(parts(), owner, ids)),
        )

    @app.view("GET", "/databases")
    def page() -> Response:
        owner, _ = caller(app.request, parts())
        limit, cursor = page_request(app.request)
        items, after = control.page(parts(), owner, limit, cursor)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("GET", "/databases/{database_id}")
    def show(database_id: str) -> Response:
        owner, now = caller(app.request, parts())
        return answer(200, control.show(parts(), owner, database_id, now))

    @app.view("POST", "/databases/{database_id}/cancellation")
    def cancel(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        no_fields(app.request)
        return answer(200, control.cancel(parts(), database, now))

    @app.view("DELETE", "/databases/{database_id}/cancellation")
    def reactivate(database_id: str) -> Response:
        account_id, owner, now = account_caller(app.request, parts())
        database = existing(parts().databases.of_owner(owner, database_id))
        return answer(200, control.reactivate(parts(), account_id, database, now))


def _add_deletion(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/databases/{database_id}/deletion")
    def delete(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        form = validated(deletion.Confirmation, json_body(app.request))
        return answer(202, deletion.ask(parts(), database, form, now))

    @app.view("GET", "/databases/{database_id}/deletion")
    def follow_deletion(database_id: str) -> Response:
        owner, _ = caller(app.request, parts())
        try:
            return answer(200, deletion.follow(parts(), owner, database_id))
        except deletion.NotAskedForError:
            raise ProblemError(404, "no deletion of this database was asked for") from None

    @app.view("GET", "/databases/{database_id}/certificate")
    def show_certificate(database_id: str) -> Response:
        owner, _ = caller(app.request, parts())
        try:
            return answer(200, deletion.certificate(parts(), owner, database_id))
        except deletion.NoCertificateError:
            raise ProblemError(404, "the database was destroyed before there were certificates") from None

    @app.view("GET", "/certificates/key")
    def show_key() -> Response:
        # For anybody: whoever has a certificate can check by whom it was signed, with no account of ours.
        return answer(200, parts().signer.published(), headers={"Cache-Control": "public, max-age=300"})


def _add_transfers(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/databases/{database_id}/exports")
    def export(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        no_fields(app.request)
        return idempotent(
            app.request,
            database.owner,
            parts().idempotency,
            now,
            plan=lambda: exports.plan(database.id),
            make=lambda ids: exports.ask(parts(), database, ids, now),
            respond=lambda ids: answer(202, {"export_id": ids["export_id"]}),
        )

    @app.view("GET", "/databases/{database_id}/exports/{export_id}")
    def follow_export(database_id: str, export_id: str) -> Response:
        owner, now = caller(app.request, parts())
        return answer(200, exports.follow(parts(), owner, database_id, export_id, now))

    @app.view("POST", "/databases/{database_id}/import")
    def bring_in(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        brought = _brought(app.request)
        return idempotent(
            app.request,
            database.owner,
            parts().idempotency,
            now,
            plan=imports.plan,
            make=lambda ids: imports.ask(parts(), database, brought, ids, now),
            respond=lambda ids: answer(202, {"job_id": ids["job_id"]}),
        )

    @app.view("GET", "/databases/{database_id}/jobs/{job_id}")
    def follow_job(database_id: str, job_id: str) -> Response:
        owner, _ = caller(app.request, parts())
        return answer(200, imports.follow(parts(), owner, database_id, job_id))


def _add_region(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/databases/{database_id}/region")
    def move(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        form = validated(region.Move, json_body(app.request))
        return idempotent(
            app.request,
            database.owner,
            parts().idempotency,
            now,
            plan=region.plan,
            make=lambda ids: region.ask(parts(), database, form, ids, now),
            respond=lambda ids: answer(202, {"job_id": ids["job_id"]}),
        )


def _add_backups(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("GET", "/databases/{database_id}/backups")
    def list_backups(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        limit, cursor = page_request(app.request)
        items, after = backups.page(parts(), database, limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})


def _add_support(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/databases/{database_id}/support-requests")
    def ask_for_support(database_id: str) -> Response:
        account_id, owner, now = account_caller(app.request, parts())
        database = existing(parts().databases.of_owner(owner, database_id))
        form = validated(NewRequest, json_body(app.request))
        return idempotent(
            app.request,
            database.owner,
            parts().idempotency,
            now,
            plan=lambda: support.plan(database, now),
            make=lambda ids: support.ask(parts(), account_id, database, form, ids),
            respond=lambda ids: answer(201, support.asked(ids)),
        )

    @app.view("GET", "/databases/{database_id}/access-log")
    def show_access(database_id: str) -> Response:
        database, now = _existing(app, parts(), database_id)
        limit, cursor = page_request(app.request)
        items, after = support.log(parts(), database, limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})


def _brought(request: Request) -> imports.Zip | imports.Stored:
    """What an import is made from: JSON names it, anything else that may be a ZIP is it."""
    sent = str(request.headers.get("content-type", "")).split(";", 1)[0].strip().lower()
    if sent in JSON or (not sent and not raw_body(request).startswith(imports.ZIP_BEGINS)):
        return imports.checked(validated(imports.Stored, json_body(request)))
    return imports.checked_zip(raw_body(request, types=ZIP))


app = build(under_policy_in_force(lambda: assemble(load(DatabasesSettings))))
