"""The gate: the registered fields and no other, addresses shortened, and no value in what it says."""

import ipaddress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.egress import NotRegisteredError, anonymised, pass_through
from privacy.policy import load

ORDER = {
    "amount": Decimal("49.90"), "currency": "EUR", "description": "one year", "reference": "2026-1",
    "name": "Ada Lovelace", "email": "ada@example.com",
}  # fmt: skip
AUDIENCE = {"country": "DE", "language": "de", "browser": "Firefox", "browser_version": "140", "platform": "Linux"}

pytestmark = pytest.mark.promise("processors.allow-list")


@pytest.mark.parametrize("processor", ["paypal", "stripe"])
def test_an_order_passes_with_every_field_that_is_registered(processor: str) -> None:
    assert pass_through(load(), processor, "payment", ORDER) == ORDER | {"amount": "49.90"}


@pytest.mark.parametrize(
    ("processor", "purpose", "payload", "named"),
    [
        ("paypal", "payment", ORDER | {"phone": "canary"}, ("phone",)),
        ("paypal", "payment", ORDER | {"phone": "canary", "company": "canary"}, ("company", "phone")),
        ("paypal", "erasure-notice", {"reference": "2026-1", "email": "canary"}, ("email",)),
        ("paypal", "audience", {"country": "canary"}, ("country",)),
        ("nobody", "payment", {"amount": "canary"}, ("amount",)),
        ("cloudflare", "delivery", {"ip_address": "canary"}, ("ip_address",)),
        ("google-recaptcha", "form-protection", {"captcha_token": "t", "ip_address": "canary"}, ("ip_address",)),
        ("google-analytics", "audience", AUDIENCE | {"ip_address": "canary"}, ("ip_address",)),
        ("stripe", "payment", ORDER | {"name": {"canary": "canary"}}, ("name",)),
        ("stripe", "payment", ORDER | {"description": ["canary"]}, ("description",)),
        ("stripe", "payment", ORDER | {"description": b"canary"}, ("description",)),
        ("stripe", "payment", ORDER | {"description": None}, ("description",)),
        ("stripe", "payment", ORDER | {"description": True}, ("description",)),
    ],
)
def test_what_is_not_registered_is_refused_whole_and_told_by_name(
    processor: str, purpose: str, payload: dict[str, Any], named: tuple[str, ...]
) -> None:
    with pytest.raises(NotRegisteredError) as refused:
        pass_through(load(), processor, purpose, payload)
    error = refused.value
    assert (error.processor, error.purpose, error.fields) == (processor, purpose, named)
    assert all(word in str(error) for word in (processor, purpose, *named))
    assert "canary" not in str(error)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("address", "leaves"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.0", "203.0.113.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::"),
        ("2001:db8:1234:ffff::1", "2001:db8:1234::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("::ffff:cb00:714d", "203.0.113.0"),
        ("2002:cb00:714d::1", "2002:cb00:7100::"),
        ("2002:cb00:714d:1:2:3:4:5", "2002:cb00:7100::"),
        ("64:ff9b::203.0.113.77", "64:ff9b::"),
        ("64:ff9b:1:abcd::203.0.113.77", "64:ff9b:1::"),
        # Teredo (RFC 4380, 4): the client's address is inverted in the last 32 bits, its port before them; half of the
        # address of its server, which many share, is left.
        ("2001:0:4136:e378:8000:63bf:34ff:8eb2", "2001:0:4136::"),
        ("::203.0.113.77", "::"),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_an_address_leaves_without_its_end(address: str, leaves: str) -> None:
    passed = pass_through(load(), "google-analytics", "audience", AUDIENCE | {"ip_address": address})
    assert passed["ip_address"] == leaves


@given(st.ip_addresses(v=4), st.integers(0, 2**16 - 1))
def test_no_spelling_of_an_ipv4_address_tells_its_last_octet(address: Any, port: int) -> None:
    """Mapped, 6to4, NAT64 and Teredo addresses of two neighbours leave alike."""
    whole = int(address)
    neighbour = whole ^ 0xFF  # every bit of its last octet is another

    def left(one: int) -> list[str | None]:
        spelled = (
            0xFFFF << 32 | one,  # RFC 4291, 2.5.5.2
            0x2002 << 112 | one << 80 | port,  # RFC 3056
            0x64FF9B << 96 | one,  # RFC 6052
            0x64FF9B0001 << 80 | one,  # RFC 8215
            0x20010000_4136E378 << 64 | port << 32 | one ^ 0xFFFFFFFF,  # RFC 4380
        )
        return [anonymised(str(ipaddress.IPv6Address(each))) for each in spelled]

    assert left(whole) == left(neighbour)


@pytest.mark.parametrize(
    "address", ["", "canary", "203.0.113", "203.0.113.77:443", "203.0.113.77, 10.0.0.1", 3405803853]
)
def test_what_is_no_address_does_not_leave(address: Any) -> None:
    with pytest.raises(NotRegisteredError):
        pass_through(load(), "google-analytics", "audience", {"ip_address": address})


@given(st.ip_addresses())
def test_two_addresses_of_a_neighbourhood_leave_alike(address: Any) -> None:
    mapped = address.version == 6 and address.ipv4_mapped is not None
    last = 8 if address.version == 4 or mapped else 80
    neighbour = type(address)(int(address) >> last << last)
    assert anonymised(str(address)) == anonymised(str(neighbour))


@given(st.dictionaries(st.sampled_from([*ORDER, "phone", "company", "postal_address"]), st.text(), min_size=1))
def test_whatever_passes_is_registered(payload: dict[str, str]) -> None:
    if unknown := set(payload) - set(ORDER):
        with pytest.raises(NotRegisteredError) as refused:
            pass_through(load(), "paypal", "payment", payload)
        assert set(refused.value.fields) == unknown
    else:
        assert pass_through(load(), "paypal", "payment", payload) == payload
