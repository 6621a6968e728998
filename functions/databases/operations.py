"""The control panel's routes as they are published."""

from databases.control import NewDatabase
from databases.deletion import Confirmation
from databases.imports import Stored
from databases.region import Move
from privacy.models.access import NewRequest, Purpose
from privacy.models.databases import Status
from privacy.models.jobs import JobStatus
from privacy.models.jobs import Kind as JobKind
from privacy.web.operations import Content, Operation, Operations
from privacy.web.shapes import (
    BYTES,
    COUNT,
    DATABASE,
    EXPORT,
    EXPORT_ID,
    FLAG,
    JOB_ID,
    KIND,
    PERCENT,
    SHA256,
    TEXT,
    TIME,
    listed,
    nullable,
    one_of,
    page,
    shape,
    words,
)

_ZIP = "application/zip"

_STORE = shape("", {"store": TEXT, "region": TEXT, "total": COUNT, "removed": COUNT})
_DELETION = shape("Deletion", {"status": words(Status), "name": nullable(TEXT), "stores": listed(_STORE)})
_KEPT = shape("", {"what": TEXT, "region": nullable(TEXT), "why": TEXT})
_CERTIFICATE = shape(
    "DeletionCertificate",
    {
        "format": TEXT,
        "id": TEXT,
        "database_id": TEXT,
        "name": {"type": "null"},
        "policy_version": TEXT,
        "requested_at": TIME,
        "destroyed_at": TIME,
        "keys": listed(shape("", {"region": TEXT, "destroyed_at": TIME})),
        "stores": listed(
            shape(
                "",
                {
                    "store": TEXT,
                    "region": TEXT,
                    "holds": TEXT,
                    "removed": COUNT,
                    "emptied_at": TIME,
                    "checks": listed(shape("", {"method": TEXT, "at": TIME, "left": COUNT})),
                },
            )
        ),
        "kept": listed(_KEPT),
        "unreachable": listed(
            shape("", {"what": TEXT, "region": nullable(TEXT), "why": TEXT, "until": nullable(TIME)})
        ),
        "sequence": COUNT,
        "previous": nullable(SHA256),
        "signature": shape("", {"algorithm": TEXT, "key_id": TEXT, "public_key": TEXT, "value": TEXT}),
    },
)
_PROGRESS = words(JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.DONE, JobStatus.FAILED)
_JOB = shape("Job", {"kind": words(JobKind), "status": _PROGRESS, "progress": PERCENT, "error?": TEXT})
_BACKUP = shape(
    "Backup",
    {
        "backup_id": TEXT,
        "created_at": TIME,
        "expires_at": TIME,
        "bytes": COUNT,
        "copies": listed(shape("", {"region": TEXT, "verified_at": TIME})),
    },
)
_ACCESS = one_of(
    shape("AskedForSupport", {"entry": words("support-request"), "id": TEXT, "at": TIME, "message": TEXT}),
    shape(
        "Granted",
        {
            "entry": words("grant"),
            "id": TEXT,
            "purpose": words(Purpose),
            "reason": TEXT,
            "from": TIME,
            "until": TIME,
            "ended_at": nullable(TIME),
        },
    ),
    shape(
        "WasRead",
        {
            "entry": words("read"),
            "id": TEXT,
            "at": TIME,
            "grant_id": TEXT,
            "kind": KIND,
            "model?": TEXT,
            "key?": TEXT,
            "path?": TEXT,
            "recording?": TEXT,
            "unreadable?": FLAG,
        },
    ),
    shape(
        "UnreadableEntry",
        {"entry": words("support-request", "grant", "read"), "id": TEXT, "at": TIME, "unreadable": FLAG},
    ),
)

OPERATIONS: Operations = {
    "POST /databases": Operation(
        "Create a database, in the region nearest to the country",
        body=NewDatabase,
        answers={201: DATABASE},
        creates=True,
    ),
    "GET /databases": Operation("List one's databases", answers={200: page(DATABASE)}, paged=True),
    "GET /databases/{database_id}": Operation("Show a database", answers={200: DATABASE}, problems=(404,)),
    "POST /databases/{database_id}/cancellation": Operation(
        "Cancel a database: its grace period begins", answers={200: DATABASE}, problems=(404, 409, 410)
    ),
    "DELETE /databases/{database_id}/cancellation": Operation(
        "Bring a cancelled database back within its grace period", answers={200: DATABASE}, problems=(404, 409, 410)
    ),
    "POST /databases/{database_id}/deletion": Operation(
        "Delete a database for good", body=Confirmation, answers={202: _DELETION}, problems=(404, 409, 410)
    ),
    "GET /databases/{database_id}/deletion": Operation(
        "Follow a deletion, store by store", answers={200: _DELETION}, problems=(404,)
    ),
    "GET /databases/{database_id}/certificate": Operation(
        "Fetch the signed certificate of a destroyed database", answers={200: _CERTIFICATE}, problems=(404, 409)
    ),
    "GET /certificates/key": Operation(
        "Fetch the public key that signs certificates",
        answers={
            200: shape("SigningKey", {"algorithm": TEXT, "key_id": TEXT, "public_key": TEXT, "fingerprint": SHA256})
        },
    ),
    "POST /databases/{database_id}/exports": Operation(
        "Ask for an export",
        answers={202: EXPORT_ID},
        creates=True,
        problems=(404, 409, 410),
    ),
    "GET /databases/{database_id}/exports/{export_id}": Operation(
        "Follow an export; once it is ready, with a link to it", answers={200: EXPORT}, problems=(404, 409, 410)
    ),
    "POST /databases/{database_id}/import": Operation(
        "Import an export into an empty database: the ZIP itself, or an upload or export by its id",
        body=Content("the ZIP itself, up to 4 MB, or what names it", {_ZIP: BYTES}, form=Stored),
        answers={202: JOB_ID},
        creates=True,
        problems=(404, 409, 410),
    ),
    "GET /databases/{database_id}/jobs/{job_id}": Operation(
        "Follow an import, a move or the way of a large file to its place", answers={200: _JOB}, problems=(404, 410)
    ),
    "POST /databases/{database_id}/region": Operation(
        "Move a database to another region", body=Move, answers={202: JOB_ID}, creates=True, problems=(404, 409, 410)
    ),
    "GET /databases/{database_id}/backups": Operation(
        "List the backups with their copies", answers={200: page(_BACKUP)}, paged=True, problems=(404, 409, 410)
    ),
    "POST /databases/{database_id}/support-requests": Operation(
        "Ask the HelpDesk for support",
        body=NewRequest,
        answers={201: shape("SupportRequest", {"request_id": TEXT, "created_at": TIME})},
        creates=True,
        problems=(404, 409, 410),
    ),
    "GET /databases/{database_id}/access-log": Operation(
        "List what staff were granted and what they read",
        answers={200: page(_ACCESS)},
        paged=True,
        problems=(404, 410),
    ),
}
