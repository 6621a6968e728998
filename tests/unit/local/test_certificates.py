"""Checking a certificate offline: what is forged, altered, cut short or out of its chain gets a clear answer."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.__main__ import main
from local.certificates import CertificateError, check
from tests.template.source import ROOT

OURS, THEIRS = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""FIPS 186-5 and SP 800-186, 3.2.1.3: with (r, s), (r, n - s) is a signature of the same text."""
AT, LATER, END = "2026-11-24T12:00:00Z", "2026-11-24T12:16:00Z", "2026-11-24T12:16:01Z"

Document = dict[str, Any]


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def canonical(document: Document) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def facts() -> Document:
    checks = [{"method": "listing", "at": at, "left": 0} for at in (AT, LATER)]
    store = {"store": "records", "region": "asia", "holds": "records", "removed": 3, "emptied_at": AT, "checks": checks}
    return {
        "format": "perfectwork-deletion-certificate/1",
        "id": "crt_" + "a" * 26,
        "database_id": "db_" + "a" * 26,
        "name": None,
        "policy_version": "2026-11-24",
        "requested_at": AT,
        "destroyed_at": END,
        "keys": [{"region": "asia", "destroyed_at": AT}],
        "stores": [store],
        "kept": [{"what": "the tombstone", "region": "asia", "why": "nothing comes back"}],
        "unreachable": [{"what": "earlier states – Größe", "region": "asia", "why": "nobody can", "until": AT}],
        "sequence": 1,
        "previous": None,
    }


def signed(document: Document, key: ec.EllipticCurvePrivateKey = OURS, **signature: Any) -> Document:
    value = base64.b64encode(key.sign(canonical(document), ec.ECDSA(SHA256()))).decode()
    parts = {"algorithm": "ECDSA_SHA_256", "key_id": "k", "public_key": pem(key), "value": value}
    return document | {"signature": parts | signature}


def second() -> Document:
    return signed(facts() | {"sequence": 2, "previous": hashlib.sha256(canonical(signed(facts()))).hexdigest()})


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command on some contents; its exit code and all that it said."""

    def run(certificate: Document | bytes, **options: Document | bytes | str) -> tuple[int, str]:
        arguments = ["--folder", str(tmp_path / "engine"), "verify-certificate", _file("certificate", certificate)]
        for name, content in options.items():
            arguments += [f"--{name}", _file(name, content)]
        code = main(arguments)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out + said.err

    def _file(name: str, content: Document | bytes | str) -> str:
        path = tmp_path / name
        if isinstance(content, dict):
            path.write_text(json.dumps(content, indent=3))  # any form of the same JSON
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return run


Verify = Callable[..., tuple[int, str]]


@pytest.mark.promise("databases.destroyed")
def test_a_genuine_certificate_is_told_with_what_it_could_not_reach_and_its_key(verify: Verify) -> None:
    code, said = verify(signed(facts()), key=pem(OURS))
    assert code == 0
    for word in ("is genuine", "db_" + "a" * 26, END, "3 things", "Größe", "nobody can", "number 1 of its chain"):
        assert word in said
    der = OURS.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert hashlib.sha256(der).hexdigest() in said


@pytest.mark.promise("databases.destroyed")
def test_without_the_published_key_no_certificate_is_called_genuine(verify: Verify) -> None:
    code, said = verify(signed(facts(), THEIRS))
    assert code == 0
    assert "genuine" not in said
    assert "rightly signed by the key below, which must be compared with the published one" in said.splitlines()[0]
    der = THEIRS.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert hashlib.sha256(der).hexdigest() in said
    assert "compare it, or give --key" in said


@pytest.mark.promise("databases.destroyed")
def test_with_the_published_key_a_certificate_of_another_key_is_forged(verify: Verify) -> None:
    assert verify(signed(facts()), key=pem(OURS))[0] == 0
    code, said = verify(signed(facts(), THEIRS), key=pem(OURS))
    assert (code, "signed by another key" in said) == (1, True)
    # The right key put beside another's signature.
    code, said = verify(signed(facts(), THEIRS, public_key=pem(OURS)), key=pem(OURS))
    assert (code, "altered" in said) == (1, True)


def changes(document: Document) -> list[Document]:
    """A document with each of its texts and numbers altered, one at a time, wherever it stands."""

    def altered(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [value | {name: other} for name, entry in value.items() for other in altered(entry)]
        if isinstance(value, list):
            return [[*value[:n], other, *value[n + 1 :]] for n, entry in enumerate(value) for other in altered(entry)]
        if value is None:
            return ["x"]
        return [value + 1] if isinstance(value, int) else [value + " "]

    return list(altered(document))


@pytest.mark.promise("databases.destroyed")
def test_every_alteration_is_seen_wherever_it_was_made(verify: Verify) -> None:
    genuine = signed(facts())
    seal = genuine["signature"]
    tried = [one | {"signature": seal} for one in changes(facts())]
    tried += [genuine | {"signature": seal | {name: seal[name] + " "}} for name in ("value", "algorithm")]
    assert len(tried) > 30
    for document in tried:
        code, said = verify(document)
        assert code == 1, document
        assert said.startswith("error: ")


@pytest.mark.parametrize("field", [*facts(), "signature"])
def test_a_certificate_that_lacks_or_gains_a_field_is_refused(verify: Verify, field: str) -> None:
    document = signed(facts())
    del document[field]
    assert verify(document)[0] == 1
    assert verify(signed(facts() | {"more": 1}))[0] == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"PK\x03\x04",
        canonical(signed(facts()))[:-1],
        canonical(signed(facts()))[:200],
        b"[" * 100_000,
        canonical(signed(facts())).replace(b'"sequence":1', b'"sequence":1.0'),
        canonical(signed(facts())).replace(b'"sequence":1', b'"sequence":1,"sequence":1'),
        b'{"format":' + b"9" * 5000 + b"}",
    ],
    ids=range(12),
)
def test_what_is_no_certificate_is_called_so(verify: Verify, content: bytes) -> None:
    code, said = verify(content)
    assert code == 1
    assert said.startswith("error: it ")


def test_an_unknown_format_is_named_as_unknown(verify: Verify) -> None:
    code, said = verify(signed(facts() | {"format": "perfectwork-deletion-certificate/2"}))
    assert (code, "format" in said) == (1, True)


@pytest.mark.parametrize(
    "change",
    [
        {"stores": []},
        {"unreachable": []},
        {"kept": []},
        {"keys": []},
        {"name": "Ledger"},
        {"sequence": 0},
        {"sequence": 2},
        {"previous": "0" * 64},
        {"keys": [{"region": "asia", "destroyed_at": "2026-11-24T12:16:02Z"}]},
        {"stores": ["records"]},
        {"stores": [facts()["stores"][0] | {"checks": facts()["stores"][0]["checks"][:1]}]},
        {"stores": [facts()["stores"][0] | {"emptied_at": LATER}]},
        {"stores": [facts()["stores"][0] | {"checks": [{"method": "m", "at": AT, "left": 1}] * 2}]},
        {"destroyed_at": LATER.replace("16", "15")},
    ],
    ids=range(14),
)
def test_a_signature_does_not_make_sense_of_nonsense(verify: Verify, change: Document) -> None:
    code, said = verify(signed(facts() | change))
    assert code == 1
    assert "does not say that everything was removed" in said


def bent(*path: str | int, to: Any) -> Document:
    """The facts with what stands at a path replaced; a field that is `...` is left out."""
    document = facts()
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return document


ODD_TEXTS: list[Any] = ["\x1b[2Jxx", "a\nb", "\u202ea", "\ud800", "", 7, None, ["a"], {"a": "b"}]
ODD_COUNTS: list[Any] = [True, False, -1, "1", None, [1], 10**16, 10**4000]


@pytest.mark.promise("databases.destroyed")
@pytest.mark.parametrize(
    ("path", "values"),
    [
        *((path, ODD_TEXTS) for path in (["id"], ["database_id"], ["policy_version"], ["requested_at"])),
        (["destroyed_at"], [*ODD_TEXTS, "zzz", "2026-11-24", "2026-13-24T12:16:01Z", "٢٠٢٦-11-24T12:16:01Z"]),
        (["sequence"], ODD_COUNTS),
        *((["keys", 0, name], ODD_TEXTS) for name in ("region", "destroyed_at")),
        *((["stores", 0, name], [*ODD_TEXTS, ...]) for name in ("store", "region", "emptied_at")),
        (["stores", 0, "removed"], [*ODD_COUNTS, "x", ...]),
        (["stores", 0, "checks"], [3, {"a": 1, "b": 2}, [1, 2], [None, None], "ab", [], ...]),
        (["stores", 0, "checks", 1, "at"], [*ODD_TEXTS, ...]),
        (["stores", 0, "checks", 1, "left"], [False, "0", None, [], ...]),
        *(([of, 0, name], [*ODD_TEXTS, ...]) for of in ("kept", "unreachable") for name in ("what", "why")),
        *(([of, 0, "region"], [*ODD_TEXTS[:6], ...]) for of in ("kept", "unreachable")),
        (["unreachable", 0, "until"], [*ODD_TEXTS[:6], "soon", ...]),
        *(([of, 0], [1, None, {}, [], "what"]) for of in ("keys", "stores", "kept", "unreachable")),
        *(([of], [{"what": "a"}, "ab", 1, None, True]) for of in ("keys", "stores", "kept", "unreachable")),
    ],
    ids=lambda value: ".".join(map(str, value)) if value and isinstance(value[-1], str) else "",
)
def test_a_field_of_another_kind_is_refused_whoever_signed_it(
    verify: Verify, path: list[str | int], values: list[Any]
) -> None:
    for value in values:
        code, said = verify(signed(bent(*path, to=value), THEIRS))
        assert (code, "does not say that everything was removed" in said) == (1, True), (value, said)
        assert all(line.isprintable() for line in said.split("\n"))


@pytest.mark.parametrize("previous", [5, "", "x", [None], {}, False, "A" * 64])
def test_what_a_later_certificate_follows_is_a_digest(verify: Verify, previous: Any) -> None:
    assert verify(second())[0] == 0
    assert verify(signed(facts() | {"sequence": 2, "previous": previous}))[0] == 1


@pytest.mark.promise("databases.destroyed")
def test_each_region_whose_key_was_destroyed_has_its_stores_and_no_other_has(verify: Verify) -> None:
    keys, stores = facts()["keys"], facts()["stores"]
    more = {"keys": [*keys, keys[0] | {"region": "americas"}], "stores": [*stores, stores[0] | {"region": "americas"}]}
    assert verify(signed(facts() | more))[0] == 0
    for cut in more:
        code, said = verify(signed(facts() | more | {cut: more[cut][:1]}))
        assert (code, "does not say that everything was removed" in said) == (1, True)


def test_a_key_on_another_curve_signs_no_certificate(verify: Verify) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    for options in ({}, {"key": pem(key)}, {"key": pem(OURS)}):
        code, said = verify(signed(facts(), key), **options)
        assert (code, "another kind" in said) == (1, True)
    assert "another kind" in verify(signed(facts()), key=pem(key))[1]


@pytest.mark.parametrize(
    "change",
    [
        *({"key_id": key_id} for key_id in ("", "k" * 101, "\x1b[2J", "a\nb", "\ud800", 7, None, ["k"])),
        *(
            {"public_key": text}
            for text in (f"Hello\n{pem(OURS)}", f"{pem(OURS)}\n", f"{pem(OURS)}Hello", pem(OURS)[:-1])
        ),
        *({"public_key": value} for value in (pem(OURS).replace("\n", "\r\n"), "\ud800", "", 7, None, [pem(OURS)])),
    ],
    ids=range(18),  # a process's own keys are no names
)
def test_a_signature_has_its_fields_in_one_form_only(verify: Verify, change: Document) -> None:
    for options in ({}, {"key": pem(OURS)}):
        code, said = verify(signed(facts(), **change), **options)
        assert code == 1
        assert all(line.isprintable() for line in said.split("\n"))


def test_a_signatures_value_is_written_in_one_way_only(verify: Verify) -> None:
    document = facts()
    # Of a length that base64 fills up: in its last letter some bits say nothing.
    value = next(
        value for value in (signed(document)["signature"]["value"] for _ in iter(int, 1)) if value.endswith("=")
    )
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = value.rstrip("=")
    other = bare[:-1] + letters[letters.index(bare[-1]) + 1] + value[len(bare) :]
    assert base64.b64decode(other, validate=True) == base64.b64decode(value)
    assert verify(signed(document, value=value), key=pem(OURS))[0] == 0
    for wrong in (other, value + " ", value + "\n", "\ud800", "", 7, None, [value]):
        assert verify(signed(document, value=wrong), key=pem(OURS))[0] == 1, wrong


@pytest.mark.promise("databases.destroyed")
def test_a_twin_of_a_signature_is_found_by_the_certificate_after_it(verify: Verify) -> None:
    first = signed(facts())
    later = signed(facts() | {"sequence": 2, "previous": hashlib.sha256(canonical(first)).hexdigest()})
    r, s = decode_dss_signature(base64.b64decode(first["signature"]["value"]))
    value = base64.b64encode(encode_dss_signature(r, P256_ORDER - s)).decode()
    twin = first | {"signature": first["signature"] | {"value": value}}
    other_id = first | {"signature": first["signature"] | {"key_id": "another"}}
    assert verify(later, previous=first)[0] == 0
    for changed in (twin, other_id):
        assert verify(changed, key=pem(OURS))[0] == 0  # a signature's own fields are not signed
        code, said = verify(later, previous=changed)
        assert (code, "does not follow" in said) == (1, True)


@pytest.mark.parametrize("depth", range(900, 1100, 10))
def test_what_is_nested_deeply_gets_a_clear_answer(verify: Verify, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    whole = canonical(signed(facts()))
    for content in (
        whole.replace(b'"kept":[', b'"kept":[' + nested + b","),
        whole.replace(b'"key_id":"k"', b'"key_id":' + nested),
        b'{"status":409,"title":"t","detail":' + nested + b"}",
    ):
        assert verify(content)[0] == 1
    assert verify(signed(facts()), key=b'{"public_key":' + nested + b"}")[0] == 1


@pytest.mark.parametrize("detail", ["\x1b[2J", "\ud800", "a\nb", ["x"]])
def test_of_an_answer_that_was_saved_only_what_is_printable_is_shown(verify: Verify, detail: Any) -> None:
    for field in ("status", "title", "detail"):
        answer = {"status": 409, "title": "Wrong state", "detail": "the database is deleting"} | {field: detail}
        code, said = verify(answer)
        assert (code, "no certificate" in said) == (1, True)
        assert all(line.isprintable() for line in said.split("\n"))


@pytest.mark.promise("databases.destroyed")
def test_the_chain_is_checked_with_the_previous_certificate(verify: Verify) -> None:
    code, said = verify(second(), previous=signed(facts()))
    assert (code, "follows the one given" in said) == (0, True) or said
    first = signed(facts())
    later = signed(facts() | {"sequence": 2, "previous": hashlib.sha256(canonical(first)).hexdigest()})
    assert verify(later, previous=first)[0] == 0
    other = signed(facts() | {"id": "crt_" + "b" * 26})
    for previous, word in ((other, "does not follow"), (later, "does not follow"), (b"{", "cut short")):
        code, said = verify(later, previous=previous)
        assert (code, word in said) == (1, True)
    code, said = verify(first, previous=other)
    assert (code, "first of its chain" in said) == (1, True)


def test_a_missing_file_and_a_useless_key_get_a_clear_answer(verify: Verify, tmp_path: Path) -> None:
    assert main(["--folder", str(tmp_path), "verify-certificate", str(tmp_path / "none.json")]) == 1
    another_kind = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for key in ("", "no key", pem(another_kind)):
        code, said = verify(signed(facts()), key=key)
        assert code == 1
        assert "the key is" in said


def test_the_documented_recipes_need_nothing_of_ours(tmp_path: Path) -> None:
    """The ten lines of docs/operations.md, as they stand there, on a genuine certificate and on an altered one."""
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    recipe = text.split("```python\n", 1)[1].split("```", 1)[0]
    assert len(recipe.strip().splitlines()) <= 10
    script = tmp_path / "recipe.py"
    script.write_text(recipe)
    file = tmp_path / "certificate.json"

    def run() -> int:
        return subprocess.run(["python3", str(script), str(file)], capture_output=True, check=False).returncode  # noqa: S603, S607

    file.write_text(json.dumps(signed(facts())))
    assert run() == 0
    file.write_text(json.dumps(signed(facts()) | {"sequence": 9}))
    assert run() != 0


def test_an_answer_that_was_saved_for_a_certificate_is_shown_for_what_it_is() -> None:
    problem = b'{"type":"about:blank","title":"Wrong state","status":409,"detail":"the database is deleting"}'
    with pytest.raises(CertificateError, match="409: the database is deleting"):
        check(problem)
