"""The routes to a database's content: records, files, and the uploads that bring large ones."""

from collections.abc import Callable

from chalice.app import Response

from content import batch, files, records, uploads
from content.access import Content, opened
from content.parts import ContentSettings, Parts, assemble
from privacy.hosting import reading
from privacy.hosting.reading import checked_path
from privacy.hosting.records import MAX_RECORD_BYTES
from privacy.models.fields import validated
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, answer
from privacy.web.idempotency import idempotent
from privacy.web.identity import caller
from privacy.web.paging import page_request, raw_page, sealed_cursor
from privacy.web.problems import invalid
from privacy.web.requests import JSON, NDJSON, json_body, parameter, raw_body

MAX_COMPLETION_BYTES = 2_097_152
"""Ten thousand parts, each with its number and ETag."""


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("content", site=lambda: parts().settings.site_url)
    _add_records(app, parts)
    _add_files(app, parts)
    _add_uploads(app, parts)
    return app


def _content(app: PrivacyApp, parts: Parts, database_id: str) -> Content:
    """The content that a route names, when it is the caller's and open for what the route does."""
    owner, now = caller(app.request, parts)
    return opened(parts, owner, database_id, now, writing=app.request.method != "GET")


def _add_records(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("GET", "/databases/{database_id}/models")
    def list_models(database_id: str) -> Response:
        content = _content(app, parts(), database_id)
        limit, cursor = page_request(app.request)
        items, after = records.models(content, limit, cursor)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("GET", "/databases/{database_id}/records/{model}")
    def list_records(database_id: str, model: str) -> Response:
        content = _content(app, parts(), database_id)
        limit, cursor = page_request(app.request)
        return answer(200, raw_page(*records.page(content, model, limit, cursor)))

    @app.view("POST", "/databases/{database_id}/records/{model}")
    def batch_records(database_id: str, model: str) -> Response:
        owner, now = caller(app.request, parts())
        content = opened(parts(), owner, database_id, now)
        body = raw_body(app.request, types=NDJSON)
        return idempotent(
            app.request,
            owner,
            parts().idempotency,
            now,
            plan=dict,
            make=lambda _: batch.store(content, model, body),
            respond=lambda ids: answer(200, batch.shown(ids)),
        )

    @app.view("GET", "/databases/{database_id}/records/{model}/{key}")
    def get_record(database_id: str, model: str, key: str) -> Response:
        return answer(200, records.get(_content(app, parts(), database_id), model, key))

    @app.view("PUT", "/databases/{database_id}/records/{model}/{key}")
    def put_record(database_id: str, model: str, key: str) -> Response:
        content = _content(app, parts(), database_id)
        body = raw_body(app.request, limit=MAX_RECORD_BYTES, types=JSON)
        return answer(200, records.put(content, model, key, body))

    @app.view("DELETE", "/databases/{database_id}/records/{model}/{key}")
    def delete_record(database_id: str, model: str, key: str) -> Response:
        records.delete(_content(app, parts(), database_id), parts().deletions, model, key)
        return answer(204)


def _add_files(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("GET", "/databases/{database_id}/files")
    def list_files(database_id: str) -> Response:
        content = _content(app, parts(), database_id)
        limit, cursor = page_request(app.request)
        items, after = reading.file_page(content.files, limit, cursor)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("GET", "/databases/{database_id}/files/content")
    def get_file(database_id: str) -> Response:
        content = _content(app, parts(), database_id)
        path = checked_path(parameter(app.request, "path"))
        found = reading.file(content.files, path, parts().policy, content.now, directly=app.takes_bytes)
        if found.link is not None:
            return answer(302, headers={"Location": found.link})
        return answer(200, found.content, headers=found.headers, content_type=found.file.content_type)

    @app.view("PUT", "/databases/{database_id}/files/content")
    def put_file(database_id: str) -> Response:
        content = _content(app, parts(), database_id)
        path = checked_path(parameter(app.request, "path"))
        body = raw_body(app.request)
        upload_id = parameter(app.request, "upload_id")
        if upload_id is None:
            content_type = files.checked_type(app.request.headers.get("content-type"))
            return answer(200, files.put(content, path, content_type, body))
        if body:
            raise invalid("upload_id", "the upload is the content; send no body with it")
        return answer(202, files.adopt(parts(), content, path, upload_id))

    @app.view("DELETE", "/databases/{database_id}/files/content")
    def delete_file(database_id: str) -> Response:
        content = _content(app, parts(), database_id)
        files.delete(content, parts().deletions, checked_path(parameter(app.request, "path")))
        return answer(204)


def _add_uploads(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    @app.view("POST", "/uploads")
    def begin_upload() -> Response:
        owner, now = caller(app.request, parts())
        form = validated(uploads.NewUpload, json_body(app.request))
        content = opened(parts(), owner, form.database_id, now)
        return idempotent(
            app.request,
            owner,
            parts().idempotency,
            now,
            plan=lambda: uploads.plan(form),
            make=lambda ids: uploads.begin(parts(), content, form, ids),
            respond=lambda ids: answer(201, uploads.links(parts(), content, ids)),
        )

    @app.view("POST", "/uploads/{upload_id}/completion")
    def complete_upload(upload_id: str) -> Response:
        owner, now = caller(app.request, parts())
        content = uploads.content_of(parts(), owner, upload_id, now)
        form = validated(uploads.Completion, json_body(app.request, limit=MAX_COMPLETION_BYTES))
        return answer(200, uploads.complete(parts(), content, upload_id, form))


app = build(under_policy_in_force(lambda: assemble(load(ContentSettings))))
