"""The route of trends as it is published."""

from privacy.web.operations import Operation, Operations
from privacy.web.shapes import COUNT, DATE, TEXT, TIME, listed, page, shape

_TABLE = shape("", {"by": TEXT, "cells": listed(shape("", {"value": TEXT, "people": COUNT}))})
_REPORT = shape(
    "TrendReport",
    {
        "of": TEXT,
        "made_at": TIME,
        "policy_version": DATE,
        "least_people": COUNT,
        "rounded_to": COUNT,
        "tables": listed(_TABLE),
    },
)

OPERATIONS: Operations = {
    "GET /helpdesk/trends": Operation(
        "Read the counts of groups, the newest month first",
        answers={200: page(shape("", {"month": TEXT, "reports": listed(_REPORT)}))},
        paged=True,
    ),
}
