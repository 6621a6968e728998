"""The one way out: what leaves us for a processor passes the gate, to a host of the register, and nothing else does
(promise processors.allow-list).
"""

from privacy.egress.delivery import Asking, Https, LostError, NotAHostError, Sender, Sink
from privacy.egress.gate import NotRegisteredError, anonymised, pass_through
from privacy.egress.letters import Letters

__all__ = [
    "Asking",
    "Https",
    "Letters",
    "LostError",
    "NotAHostError",
    "NotRegisteredError",
    "Sender",
    "Sink",
    "anonymised",
    "pass_through",
]
