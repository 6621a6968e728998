"""The gate: a processor receives the fields that the register names for it and the purpose, and no other.

It refuses rather than drops: a field too many is a defect of ours, and who caused it has to hear of it.
"""

import ipaddress
from collections.abc import Mapping
from decimal import Decimal

from privacy.policy import Policy

Scalar = str | int | float
"""What a field may hold: nothing that could hide another field."""

_FIRST_48_BITS = ((1 << 48) - 1) << 80
_FIRST_40_BITS = ((1 << 40) - 1) << 88
_6TO4 = ipaddress.IPv6Network("2002::/16")
"""Such an address tells an IPv4 address in its bits 16 to 47 (RFC 3056, section 2)."""


class NotRegisteredError(Exception):
    """A payload holds what the register does not name for this processor and purpose: it names fields, never values."""

    def __init__(self, processor: str, purpose: str, fields: tuple[str, ...]) -> None:
        super().__init__(f"{processor} may not receive for {purpose}: {', '.join(fields) or 'anything'}")
        self.processor = processor
        self.purpose = purpose
        self.fields = fields


def pass_through(
    policy: Policy, processor_id: str, purpose_id: str, payload: Mapping[str, object]
) -> dict[str, Scalar]:
    """What may be sent of a payload: all of it, with addresses anonymised where the register says so, or nothing.

    Raises: NotRegisteredError for a processor, purpose or field that is not registered, for a field that holds more
    than one plain value, and for an address that is none (promise processors.allow-list).
    """
    processor = policy.processors.get(processor_id)
    sharing = processor.purposes.get(purpose_id) if processor else None
    if sharing is None:
        raise NotRegisteredError(processor_id, purpose_id, tuple(sorted(payload)))
    passed: dict[str, Scalar] = {}
    refused: list[str] = []
    for name, value in payload.items():
        plain = _plain(value) if name in sharing.fields else None
        if plain is not None and name in sharing.anonymised:
            plain = anonymised(plain)
        if plain is None:
            refused.append(name)
        else:
            passed[name] = plain
    if refused:
        raise NotRegisteredError(processor_id, purpose_id, tuple(sorted(refused)))
    return passed


def anonymised(address: object) -> str | None:
    """An IP address without its last octet (IPv4) or its last 80 bits (IPv6); None for a text that is no address.

    An IPv4 address within an IPv6 address is shortened like any other.
    """
    try:
        whole = ipaddress.ip_address(address) if isinstance(address, str) else None
    except ValueError:
        whole = None
    if isinstance(whole, ipaddress.IPv6Address):
        if whole.ipv4_mapped is None:
            kept = _FIRST_40_BITS if whole in _6TO4 else _FIRST_48_BITS
            return str(ipaddress.IPv6Address(int(whole) & kept))
        whole = whole.ipv4_mapped
    return None if whole is None else str(ipaddress.IPv4Address(int(whole) & ~0xFF))


def _plain(value: object) -> Scalar | None:
    if isinstance(value, Decimal):
        return str(value)
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None
