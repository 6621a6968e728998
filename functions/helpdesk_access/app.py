"""The routes by which staff read a customer's content, under a grant of their own that is in force."""

from collections.abc import Callable
from functools import wraps

from chalice.app import Response

from helpdesk_access import watching
from helpdesk_access.gate import Leave, leave
from helpdesk_access.parts import Parts, assemble
from privacy.hosting import reading
from privacy.hosting.reading import checked_key, checked_model, checked_path
from privacy.models.access import Kind, NoGrantError
from privacy.models.recordings import database_of_recording
from privacy.policy import under_policy_in_force
from privacy.settings import load
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.paging import page_request, raw_page, sealed_cursor
from privacy.web.requests import parameter
from privacy.web.staff import StaffSettings, staff

_DATABASE = "/helpdesk/databases/{database_id}"


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("helpdesk_access", site=lambda: parts().settings.site_url)

    def granted(database_id: str, kind: Kind) -> Leave:
        """The caller's leave to read what a route names; what is wrong with a request matters only then."""
        reader, now = staff(app.request, parts())
        return leave(parts(), parts().pseudonym(reader), database_id, kind, now)

    @app.view("GET", _DATABASE + "/records/{model}")
    @_refusing
    def list_records(database_id: str, model: str) -> Response:
        granting = granted(database_id, Kind.RECORDS)
        limit, cursor = page_request(app.request)
        content = granting.opened(model=checked_model(model))
        return answer(200, raw_page(*reading.record_page(content.records, model, limit, cursor)))

    @app.view("GET", _DATABASE + "/records/{model}/{key}")
    @_refusing
    def get_record(database_id: str, model: str, key: str) -> Response:
        content = granted(database_id, Kind.RECORD).opened(model=checked_model(model), key=checked_key(key))
        return answer(200, reading.record(content.records, model, key))

    @app.view("GET", _DATABASE + "/files")
    @_refusing
    def list_files(database_id: str) -> Response:
        granting = granted(database_id, Kind.FILES)
        limit, cursor = page_request(app.request)
        items, after = reading.file_page(granting.opened().files, limit, cursor)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("GET", _DATABASE + "/files/content")
    @_refusing
    def get_file(database_id: str) -> Response:
        granting = granted(database_id, Kind.FILE)
        path = checked_path(parameter(app.request, "path"))
        content = granting.opened(path=path)
        found = reading.file(content.files, path, parts().policy, granting.now, directly=app.takes_bytes)
        if found.link is not None:
            return answer(302, headers={"Location": found.link})
        return answer(200, found.content, headers=found.headers, content_type=found.file.content_type)

    @app.view("GET", "/helpdesk/recordings/{recording_id}/content")
    @_refusing
    def get_recording(recording_id: str) -> Response:
        granting = granted(database_of_recording(recording_id) or "", Kind.RECORDING)
        content = granting.opened(recording=recording_id)
        return answer(302, headers={"Location": watching.link(parts(), content, recording_id)})

    return app


def _refusing(view: Callable[..., Response]) -> Callable[..., Response]:
    """Answer who has no grant."""

    @wraps(view)
    def refusing(**named: str) -> Response:
        try:
            return view(**named)
        except NoGrantError:
            raise ProblemError(403, "no grant of yours is in force for this database") from None

    return refusing


app = build(under_policy_in_force(lambda: assemble(load(StaffSettings))))
