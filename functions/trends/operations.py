"""The route of trend reports as it is published."""

from privacy.models.trends import SUBJECTS
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import COUNT, TEXT, TIME, listed, page, shape, words

_CELL = shape("", {"value": TEXT, "people": COUNT})
_TABLE = shape("", {"by": TEXT, "cells": listed(_CELL)})
_REPORT = shape(
    "TrendReport",
    {
        "of": words(*SUBJECTS),
        "made_at": TIME,
        "policy_version": TEXT,
        "least_people": COUNT,
        "rounded_to": COUNT,
        "tables": listed(_TABLE),
    },
)
_MONTH = shape("TrendMonth", {"month": TEXT, "reports": listed(_REPORT)})

OPERATIONS: Operations = {
    "GET /helpdesk/trends": Operation(
        "Read the trend reports, the newest month first: counts of groups, never of fewer people than the policy's k",
        answers={200: page(_MONTH)},
        paged=True,
    ),
}
