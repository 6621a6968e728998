"""A tick through a schedule function: each sweep on its own, true figures or none, and the alarm in the end."""

from typing import Any

import pytest

from privacy.removal.sweep import HasTime, SweepError, Swept
from privacy.schedules import Sweep, SweepFailedError, scheduled
from tests.unit.engine import Context, gauges, schedule_event

CANARY = "canary-7f3a"


def does(swept: Swept) -> Sweep:
    return lambda has_time: swept


def fails(error: Exception) -> Sweep:
    def sweep(has_time: HasTime) -> Swept:
        raise error

    return sweep


def tick(**sweeps: list[Sweep]) -> dict[str, Any]:
    return scheduled("sweeper", lambda: sweeps)(schedule_event(), Context())


def test_every_store_is_swept_and_tells_what_it_knows_of(capsys: pytest.CaptureFixture[str]) -> None:
    answer = tick(
        visits=[does(Swept(3, 60, left=False, held=2))],
        jobs=[does(Swept(0, 9, left=True, stalled=4))],
        exports=[does(Swept(1, 0, left=False))],
    )
    assert answer == {
        "visits": {"removed": 3, "lag_seconds": 60, "left": False, "held": 2},
        "jobs": {"removed": 0, "lag_seconds": 9, "left": True, "stalled": 4},
        "exports": {"removed": 1, "lag_seconds": 0, "left": False},
    }
    assert gauges(capsys.readouterr().out) == {
        "visits": {"Removed": 3, "Failed": 0, "RemovalLagSeconds": 60, "Left": 0, "Held": 2},
        "jobs": {"Removed": 0, "Failed": 0, "RemovalLagSeconds": 9, "Left": 1, "Stalled": 4},
        "exports": {"Removed": 1, "Failed": 0, "RemovalLagSeconds": 0, "Left": 0},
    }


def test_the_sweeps_of_one_store_are_told_together() -> None:
    answer = tick(databases=[does(Swept(2, 5, left=False)), does(Swept(3, 70, left=True, stalled=1))])
    assert answer == {"databases": {"removed": 5, "lag_seconds": 70, "left": True, "stalled": 1}}


def test_one_that_fails_keeps_no_other_from_its_turn_and_is_told_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    partly = SweepError(Swept(4, 60, left=False, failed=2))
    with pytest.raises(SweepFailedError, match=r"^not swept: sessions, signups$") as raised:
        tick(
            sessions=[fails(ValueError(CANARY)), does(Swept(1, 0, left=False))],
            signups=[fails(partly), does(Swept(1, 0, left=False))],
            billing=[does(Swept(0, 0, left=False))],
        )
    output = capsys.readouterr().out
    # Of sessions one limit could not be asked about: no figure is better than a wrong one.
    assert gauges(output) == {
        "signups": {"Removed": 5, "Failed": 2, "RemovalLagSeconds": 60, "Left": 0},
        "billing": {"Removed": 0, "Failed": 0, "RemovalLagSeconds": 0, "Left": 0},
    }
    assert "ValueError" in output
    assert CANARY not in output
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "event",
    [None, [], "tick", 7, {}, {"Records": []}, {"source": "aws.events"}, {"source": "aws.s3", "detail-type": "x"}],
)
def test_what_is_no_tick_gets_a_clear_answer_and_does_nothing(event: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def sweeps() -> dict[str, list[Sweep]]:
        raise AssertionError("it was taken for a tick")

    assert scheduled("sweeper", sweeps)(event, Context()) == {"error": "this is not a tick of a schedule of ours"}
    assert '"UnknownEventError"' in capsys.readouterr().out


def test_time_is_up_twenty_seconds_before_lambda_ends_the_function() -> None:
    seen: list[bool] = []

    def sweep(has_time: HasTime) -> Swept:
        seen.append(has_time())
        return Swept(0, 0, left=False)

    for seconds in (21.0, 20.001, 20.0, 1.0):
        scheduled("sweeper", lambda: {"visits": [sweep]})(schedule_event(), Context(seconds))
    assert seen == [True, True, False, False]
