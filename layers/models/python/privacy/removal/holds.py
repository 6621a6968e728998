"""Whether something is held: the one place that every purge asks before it removes a visit.

Holds are recorded by staff (promise visits.retention); until that part is built none can be recorded, so none is found.
"""

from collections.abc import Callable
from datetime import datetime

Held = Callable[[datetime], bool]
"""Says whether what was recorded at an instant is held."""


def none_recorded(recorded_at: datetime) -> bool:
    """No hold can have been recorded yet, so nothing is held."""
    del recorded_at
    return False
