"""The HelpDesk's routes for erasures as they are published."""

from privacy.models.databases import Status
from privacy.models.erasures import Databases, ErasureStatus, NewDecision
from privacy.models.holds import Ground
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import (
    COUNT,
    FLAG,
    KEPT,
    NOTICE,
    REMOVED,
    TEXT,
    TIME,
    listed,
    nullable,
    one_of,
    page,
    shape,
    words,
)

_HOLD = shape("", {"ground": words(Ground), "until": TIME})
_UNREADABLE = shape("", {"hold_id": TEXT, "unreadable": FLAG})
_REQUEST = {
    "request_id": TEXT,
    "account_id": nullable(TEXT),
    "origin": TEXT,
    "status": words(ErasureStatus),
    "databases": words(Databases),
    "message": nullable(TEXT),
    "requested_at": TIME,
    "due_date": TIME,
    "days_left": COUNT,
    "overdue": FLAG,
    "decided_at": nullable(TIME),
    "erased_at": nullable(TIME),
    "processors": listed(NOTICE),
}
_DRY_RUN = shape(
    "DryRun",
    _REQUEST
    | {
        "would_go": listed(REMOVED),
        "kept": listed(KEPT),
        "databases_affected": listed(shape("", {"id": TEXT, "status": words(Status), "then": TEXT})),
        "holds": listed(one_of(_HOLD, _UNREADABLE)),
        "processors_to_tell": listed(TEXT),
        "withheld": listed(shape("", {"what": TEXT, "why": TEXT, "until": TIME})),
    },
)

OPERATIONS: Operations = {
    "GET /helpdesk/erasures": Operation(
        "List the requests that wait for a decision, then those that are carried out",
        answers={200: page(shape("ErasureRequest", _REQUEST))},
        paged=True,
    ),
    "GET /helpdesk/erasures/{erasure_id}": Operation(
        "Look at a request in any state: also once it is carried out, whether the processors are told by now",
        answers={200: shape("ErasureRequest", _REQUEST)},
        problems=(404,),
    ),
    "POST /helpdesk/erasures/{erasure_id}/decision": Operation(
        "Decide on an erasure, or (dry_run) see what it would remove and what a law keeps",
        query={"dry_run?": words("true", "false")},
        body=NewDecision,
        answers={
            200: one_of(shape("DecidedErasure", _REQUEST | {"reason": nullable(TEXT), "kept": listed(KEPT)}), _DRY_RUN)
        },
        problems=(404, 409),
    ),
}
