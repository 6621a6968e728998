"""The routes of one's own account as they are published."""

from account.profile import Correction
from privacy.models.accounts import Confirmation
from privacy.models.erasures import Databases, ErasureStatus, NewErasure
from privacy.models.signups import FORMS
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import (
    COUNT,
    DATE,
    EXPORT,
    EXPORT_ID,
    FLAG,
    KEPT,
    NOTICE,
    OBJECT,
    REMOVED,
    TEXT,
    TIME,
    listed,
    nullable,
    page,
    shape,
    words,
)

_ACCOUNT = shape(
    "Account",
    {
        "account_id": TEXT,
        **{name: nullable(TEXT) for name in Correction.model_fields},
        "kind": nullable(words(*FORMS)),
        "created_at": TIME,
        "policy_version": DATE,
        "marketing": FLAG,
        "email_change": nullable(shape("", {"expires_at": TIME})),
    },
)
_HELD = shape(
    "Held",
    {
        "category": TEXT,
        "purpose": TEXT,
        "origin": TEXT,
        "retention_ends": nullable(TIME),
        "recipients": listed(TEXT),
        "data": OBJECT,
    },
)
_ERASURE = shape(
    "Erasure",
    {
        "request_id": TEXT,
        "status": words(ErasureStatus),
        "requested_at": TIME,
        "due_date": TIME,
        "days_left": COUNT,
        "databases": words(Databases),
        "decided_at": nullable(TIME),
        "reason": nullable(TEXT),
        "erased": listed(REMOVED),
        "kept": listed(KEPT),
        "processors": listed(NOTICE),
    },
)

OPERATIONS: Operations = {
    "GET /account": Operation("Show one's own data", answers={200: _ACCOUNT}),
    "PATCH /account": Operation(
        "Correct one's own data; another address waits for its link",
        body=Correction,
        answers={200: _ACCOUNT},
        problems=(409,),
    ),
    "POST /account/email/confirmation": Operation(
        "Confirm a new address by the token of its link", body=Confirmation, answers={200: _ACCOUNT}, problems=(409,)
    ),
    "GET /account/data": Operation(
        "List everything that is held about the caller", answers={200: page(_HELD)}, paged=True
    ),
    "POST /account/data/exports": Operation(
        "Ask for an export of everything that is held about the caller", answers={202: EXPORT_ID}, creates=True
    ),
    "GET /account/data/exports/{export_id}": Operation(
        "Follow the export; once it is ready, with a link to it", answers={200: EXPORT}, problems=(404,)
    ),
    "POST /account/erasure": Operation(
        "Ask the HelpDesk for erasure",
        body=NewErasure,
        answers={202: shape("AskedForErasure", {"request_id": TEXT, "due_date": TIME})},
        creates=True,
        problems=(404,),
    ),
    "GET /account/erasure": Operation(
        "Follow the latest request for erasure", answers={200: _ERASURE}, problems=(404,)
    ),
}
