"""The route of the promises as it is published."""

from privacy.web.operations import Operation, Operations
from privacy.web.shapes import DATE, OBJECT, listed, shape

OPERATIONS: Operations = {
    "GET /promises": Operation(
        "See each promise: kept, at risk or broken, since when, and by what evidence",
        answers={200: shape("", {"policy_version": DATE, "items": listed(OBJECT)})},
    ),
}
