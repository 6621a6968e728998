"""The HelpDesk's routes as they are published."""

from privacy.models.access import NewGrant, Purpose
from privacy.models.campaigns import NewCampaign
from privacy.models.disclosures import DisclosureStatus
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import COUNT, FLAG, SHA256, TEXT, TIME, listed, nullable, one_of, page, shape, words

_ENTRY = shape(
    "AuditEntry",
    {
        "id": TEXT,
        "at": TIME,
        "action": TEXT,
        "actor": TEXT,
        "subject": nullable(TEXT),
        "facts": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
        "sealed": FLAG,
    },
)
_FOREIGN = shape("ForeignAuditEntry", {"id": TEXT, "sealed": FLAG})
"""Something in the trail that is no entry of ours."""

_FINDING = shape("", {"entry?": TEXT, "block?": COUNT, "what": TEXT})
_CHECK = shape(
    "AuditCheck",
    {
        "intact": FLAG,
        "complete": FLAG,
        "entries": COUNT,
        "blocks": COUNT,
        "head": nullable(SHA256),
        "findings": listed(_FINDING),
        "more_findings": COUNT,
    },
)
_CAMPAIGN = shape(
    "Campaign",
    {
        "campaign_id": TEXT,
        "audience": TEXT,
        "created_at": TIME,
        "status": words("listing", "sending", "done"),
        "sent": COUNT,
        "skipped": COUNT,
        "waiting": COUNT,
        "unclear": COUNT,
    },
)
_GRANT = shape(
    "Grant",
    {
        "grant_id": TEXT,
        "database_id": TEXT,
        "purpose": words(Purpose),
        "until": TIME,
        "support_request?": shape("", {"request_id": TEXT, "created_at": TIME, "message": TEXT}),
    },
)

_DISCLOSURE = shape(
    "OpenDisclosure",
    {
        "disclosure_id": TEXT,
        "processor": TEXT,
        "purpose": TEXT,
        "fields": listed(TEXT),
        "record": TEXT,
        "ground": TEXT,
        "status": words(DisclosureStatus.REFUSED, DisclosureStatus.QUEUED),
        "reason": nullable(TEXT),
        "created_at": TIME,
        "refused_at": nullable(TIME),
        "resends": COUNT,
    },
)

_ASKED = {"database_id": TEXT, "request_id": TEXT, "created_at": TIME, "expires_at": TIME}

OPERATIONS: Operations = {
    "GET /helpdesk/support-requests": Operation(
        "List what customers ask for, as long as it is a ground for a grant",
        answers={
            200: page(
                one_of(
                    shape("OpenSupportRequest", _ASKED | {"message": TEXT}),
                    shape("UnreadableSupportRequest", _ASKED | {"unreadable": FLAG}),
                )
            )
        },
        paged=True,
    ),
    "GET /helpdesk/audit": Operation(
        "Read the audit trail, with a check that nothing in it was changed or removed",
        answers={200: page(one_of(_ENTRY, _FOREIGN), {"check": _CHECK})},
        paged=True,
    ),
    "POST /helpdesk/campaigns": Operation(
        "Send a marketing message to those who agreed",
        body=NewCampaign,
        answers={202: shape("", {"campaign_id": TEXT})},
        creates=True,
    ),
    "GET /helpdesk/campaigns/{campaign_id}": Operation(
        "Follow a campaign, in counts", answers={200: _CAMPAIGN}, problems=(404,)
    ),
    "GET /helpdesk/disclosures": Operation(
        "List what was refused to processors and what waits for them, by field names",
        query={"status?": words(DisclosureStatus.REFUSED, DisclosureStatus.QUEUED)},
        answers={200: page(_DISCLOSURE)},
        paged=True,
    ),
    "POST /helpdesk/disclosures/{disclosure_id}/resend": Operation(
        "Have a disclosure sent again that was refused", answers={202: _DISCLOSURE}, problems=(404, 409)
    ),
    "POST /helpdesk/grants": Operation(
        "Grant oneself access to a customer's database, for hours",
        body=NewGrant,
        answers={201: _GRANT},
        creates=True,
        problems=(404, 409, 410),
    ),
    "DELETE /helpdesk/grants/{grant_id}": Operation("End a grant at once", answers={204: None}, problems=(404,)),
}
