"""Marketing campaigns: beginning one, and seeing how far it is (promise marketing.opt-out).

Nothing is sent from here: a message of ids goes to the one queue that marketing leaves by.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalice.app import Response

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.models.campaigns import LISTED, Campaign, NewCampaign, Outcome
from privacy.models.fields import validated
from privacy.models.ids import is_id, new_id
from privacy.tables.audit import new_entry
from privacy.tables.store import SHARDS
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.idempotency import idempotent
from privacy.web.requests import json_body
from privacy.web.staff import staff

Ids = dict[str, Any]

QUEUE = "marketing"


class UnknownCampaignError(Exception):
    """There is no such campaign, or its period has ended."""


def add_routes(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    """Add the routes of campaigns to the HelpDesk's."""

    @app.view("POST", "/helpdesk/campaigns")
    def begin_campaign() -> Response:
        sender, now = staff(app.request, parts())
        form = validated(NewCampaign, json_body(app.request), known=NewCampaign.model_fields)
        actor = parts().pseudonym(sender)
        return idempotent(
            app.request,
            actor,
            parts().idempotency,
            now,
            plan=lambda: {"campaign_id": new_id("cam")},
            make=lambda ids: begin(parts(), actor, form, ids, now),
            respond=lambda ids: answer(202, ids),
        )

    @app.view("GET", "/helpdesk/campaigns/{campaign_id}")
    def follow_campaign(campaign_id: str) -> Response:
        reader, now = staff(app.request, parts())
        try:
            shown = follow(parts(), campaign_id, now)
        except UnknownCampaignError:
            raise ProblemError(404, "there is no such campaign") from None
        parts().trail.add(new_entry("campaign.read", parts().pseudonym(reader), now, subject=campaign_id))
        return answer(200, shown)


def begin(parts: Parts, actor: str, form: NewCampaign, ids: Ids, now: datetime) -> Ids:
    """Put a campaign on record, store it and queue it. Repeated with the same ids it is the same campaign."""
    campaign = Campaign(ids["campaign_id"], now, form.subject, form.text, form.audience)
    facts = {"audience": campaign.audience}
    parts.trail.add(new_entry("campaign.created", actor, now, subject=campaign.id, facts=facts))
    parts.campaigns.create(campaign)
    parts.queues.send(QUEUE, parts.settings.home_region, {"kind": "campaign", "id": campaign.id})
    return ids


def follow(parts: Parts, campaign_id: str, now: datetime) -> dict[str, Any]:
    """How far a campaign is, in counts. `unclear` are messages that SES was given and was not heard to take: they are
    being sent at this moment, or broke off there, and are not sent again. Raises: UnknownCampaignError.
    """
    campaign = parts.campaigns.get(campaign_id, now) if is_id("cam", campaign_id) else None
    if campaign is None:
        raise UnknownCampaignError
    counts = parts.campaigns.counts(campaign.id)
    listed = all(campaign.places.get(shard) == LISTED for shard in SHARDS)
    status = "listing" if not listed else "sending" if counts[Outcome.QUEUED] else "done"
    return {
        "campaign_id": campaign.id,
        "audience": campaign.audience,
        "created_at": rfc3339(campaign.created_at),
        "status": status,
        "sent": counts[Outcome.SENT],
        "skipped": counts[Outcome.SKIPPED],
        "waiting": counts[Outcome.QUEUED],
        "unclear": counts[Outcome.SENDING],
    }
