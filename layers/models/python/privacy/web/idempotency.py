"""The Idempotency-Key: the same request, however often it is sent, makes one thing and gets one answer.

What is kept is a digest of the body and the ids of what was made; the answer is built from them anew, so that no answer
outlives what it tells of.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalice.app import Request, Response

from privacy.tables.idempotency import Idempotency
from privacy.web.problems import ProblemError, invalid, problem_of

Ids = dict[str, Any]

_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def idempotent(
    request: Request,
    caller: str,
    store: Idempotency,
    now: datetime,
    *,
    plan: Callable[[], Ids],
    make: Callable[[Ids], Ids],
    respond: Callable[[Ids], Response],
) -> Response:
    """Answer a creating POST: `plan` chooses the ids, `make` does the work under them (and takes no harm from finding
    it done), `respond` builds the answer from what `make` gave.

    `caller` scopes the key (an id of ours, or a pseudonym). It goes into the body's digest too: where bodies hold
    secrets, a caller that no store tells (a pseudonym) keeps anybody from guessing them by their digest.

    Without a key all three run; repeated with the same key and body only `respond` does; after a crash the first plan
    is carried out, not a second one.

    Raises: ProblemError 422 for another body under the same key, 409 while the first request still runs.
    """
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return respond(make(plan()))
    if not _KEY.fullmatch(str(sent)):
        raise invalid("Idempotency-Key", "1 to 200 visible ASCII characters")
    key = _digest(caller, request.method, str(request.context.get("path") or request.path), str(sent))
    body = request.raw_body or b""
    text = body if isinstance(body, str) else body.decode("latin-1")
    digest = _digest(caller, str(sent), text, _query(request))
    entry = store.claim(key, digest, plan(), now)
    if entry.body != digest:
        raise invalid("Idempotency-Key", "this key was used with another body; use a new one")
    if entry.done:
        return respond(entry.ids)
    if not entry.mine:
        raise ProblemError(409, "the first request with this key is still running", headers={"Retry-After": "2"})
    try:
        ids = make(entry.ids)
    except Exception as error:
        problem = problem_of(error)
        if problem is not None and problem.status < 500:
            store.give_back(key)
        else:
            store.interrupted(key, now)
        raise
    store.done(key, ids)
    return respond(ids)


def _query(request: Request) -> str:
    parameters = request.query_params
    return repr(sorted((name, parameters.getlist(name)) for name in parameters)) if parameters else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
