"""Errors as `application/problem+json` (RFC 9457): one place that turns what a room raises into an answer.

Nothing that was sent is ever repeated in an answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from privacy.models import accounts, databases, erasures, jobs, rawjson, recordings
from privacy.models.fields import InvalidFieldsError, field_errors
from privacy.models.paging import CursorError
from privacy.tables.store import StoreBusyError
from privacy.vault.keys import KeyBrokenError, KeyClosedError, KeyDestroyedError

CONTENT_TYPE = "application/problem+json"

MALFORMED = "the body is not valid JSON in UTF-8, each name once"
TOO_DEEP = f"the JSON may have at most {rawjson.MAX_DEPTH} arrays and objects inside each other"

TITLES = {
    400: "Malformed request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Wrong state",
    410: "Destroyed",
    413: "Too large",
    415: "Wrong content type",
    422: "Invalid input",
    429: "Slow down",
    500: "Our fault",
    503: "Temporarily unavailable",
}

_BUSY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TransactionInProgressException",
        "SlowDown",
        "InternalServerError",
        "ServiceUnavailable",
        "KMSInternalException",
        "DependencyTimeoutException",
    }
)


class ProblemError(Exception):
    """An error that already is its answer. `errors` is a list of `{field, message}`."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = self.errors
        return document


def invalid(field: str, message: str) -> ProblemError:
    """One field is wrong."""
    return ProblemError(422, "the input is not valid", errors=[{"field": field, "message": message}])


def unavailable(detail: str, seconds: int = 5) -> ProblemError:
    """Something behind us is down; the same request may be repeated after some seconds."""
    return ProblemError(503, detail, headers={"Retry-After": str(seconds)})


def problem_of(error: Exception) -> ProblemError | None:
    """The answer to what a room raised, or None for what only a defect of ours can raise."""
    match error:
        case ProblemError():
            return error
        case ValidationError():
            return ProblemError(422, "the input is not valid", errors=field_errors(error))
        case InvalidFieldsError():
            return ProblemError(422, "the input is not valid", errors=error.errors)
        case rawjson.TooDeepError():
            return ProblemError(400, TOO_DEEP)
        case rawjson.MalformedJSONError():
            return ProblemError(400, MALFORMED)
        case rawjson.NotAnObjectError():
            return ProblemError(422, "the body is JSON, but not an object")
        case rawjson.TooLargeError():
            return ProblemError(413, "the body is too large")
        case CursorError():
            return invalid("cursor", "use the next_cursor of the page before")
        case databases.UnknownDatabaseError():
            return ProblemError(404, "there is no such database")
        case databases.UnknownContentError():
            return ProblemError(404, "there is no such record or file")
        case databases.DatabaseDestroyedError():
            return ProblemError(410, "the database is destroyed")
        case erasures.UnknownErasureError():
            return ProblemError(404, "there is no such request")
        case databases.DatabaseStateError() | jobs.JobStateError() | erasures.ErasureStateError():
            return ProblemError(409, error.reason)
        case accounts.BeingErasedError():
            return ProblemError(409, accounts.BEING_ERASED)
        case jobs.UnknownJobError():
            return ProblemError(404, "there is no such job, export or upload")
        case recordings.UnknownRecordingError():
            return ProblemError(404, "there is no such recording")
        case KeyDestroyedError():
            return ProblemError(409, "the database is being deleted; its content is closed")
        case KeyClosedError():
            return ProblemError(409, "the database is being moved; write again once it is active")
        case KeyBrokenError():
            return unavailable("the database's key does not open; nothing was changed, and our staff must look at it")
        case StoreBusyError() | BotoCoreError():
            return unavailable("a store is busy; try again")
        case ClientError() if error.response.get("Error", {}).get("Code") in _BUSY:
            return unavailable("a store is busy; try again")
    return None
