"""The route of visits as it is published."""

from privacy.models.visits import VisitReport
from privacy.web.operations import Operation, Operations

OPERATIONS: Operations = {
    "POST /visits": Operation(
        "Report a visit of the website", body=VisitReport, answers={202: None}, may_be_empty=True
    ),
}
