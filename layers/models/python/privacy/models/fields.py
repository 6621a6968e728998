"""The shapes of what people type: constrained text, names and paths, and what is wrong with them, in our own
words.

Everything that comes in is checked once, here, and is Unicode NFC from then on. A message never holds a value
that was sent, nor a name that the sender made up (api.md, errors; promises signup.fields, signup.password).
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from privacy import policy

UNKNOWN = "(unknown)"
"""Stands for a field name that the sender made up: it may itself be personal data."""

PASSWORD_MIN_CHARACTERS = 12
"""Characters (code points after NFKC); NIST SP 800-63B, section 3.1.1.2, wants at least 8 and advises
more."""
PASSWORD_MAX_CHARACTERS = 128
"""NIST SP 800-63B wants at least 64 to be allowed; a bound keeps hashing cheap."""
EMAIL_MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3: a path of 256 with its angle brackets."""
FILE_PATH_MAX_BYTES = 1024
"""The length of an S3 key, kept although our keys are hashes, so that any file store can take the paths."""
FILE_PART_MAX_BYTES = 255
"""What common file systems take as one name (NAME_MAX)."""


class Form(BaseModel):
    """A request body: only the fields it names, unchangeable, and silent about its values when shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Nothing: a form in a log line or a traceback must not tell what a person typed."""
        return []


def _wrong(message: str) -> PydanticCustomError:
    """A message of our own, known by its type "rule". Braces in it would be a template."""
    return PydanticCustomError("rule", message)


# --- text ------------------------------------------------------------------------------------------

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Controls that reorder or mark direction (UAX #9): they disguise; Arabic and Hebrew read well without
them."""
_INVISIBLE = frozenset("\u200b\u2060\ufeff")
"""Zero-width characters that no script needs; the joiners U+200C and U+200D are needed."""
_JOINED = re.compile(r"\r\n?|[\u0085\u2028\u2029]")


def _character_problem(text: str, allowed: str) -> str | None:
    for character in text:
        if character in allowed:
            continue
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp") or character in _INVISIBLE:
            return "must not hold control characters"
        if category == "Cs" or ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef":
            return "must be valid Unicode text"
        if character in _BIDI:
            return "must not hold characters that change the direction of text"
    return None


def clean_text(value: str, *, longest: int, allowed: str = "") -> str:
    """Text in NFC without white space around it, of 1 to `longest` characters (code points).

    Raises: PydanticCustomError when it is empty, too long, or holds control, direction or zero-width
    characters other than those in `allowed`.
    """
    if len(value) > 4 * longest + 64:  # before any work: normalising shortens, but never that much
        raise _wrong(f"must have at most {longest} characters")
    if problem := _character_problem(value, allowed + "\r" if "\n" in allowed else allowed):
        raise _wrong(problem)
    if "\n" in allowed:
        value = _JOINED.sub("\n", value)
    text = unicodedata.normalize("NFC", value).strip()
    if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
        raise _wrong("must not be empty")
    if len(text) > longest:
        raise _wrong(f"must have at most {longest} characters")
    return text


def _text(longest: int, allowed: str = "") -> Callable[[str], str]:
    def check(value: str) -> str:
        return clean_text(value, longest=longest, allowed=allowed)

    return check


def _strict(longest: int) -> Any:
    # No max_length for pydantic: it would count before the text is stripped and normalised.
    return Field(strict=True, json_schema_extra={"minLength": 1, "maxLength": longest})


PersonName = Annotated[str, _strict(200), AfterValidator(_text(200))]
Company = Annotated[str, _strict(200), AfterValidator(_text(200))]
Sector = Annotated[str, _strict(100), AfterValidator(_text(100))]
Interest = Annotated[str, _strict(500), AfterValidator(_text(500))]
Message = Annotated[str, _strict(5000), AfterValidator(_text(5000, "\n\t"))]
DatabaseName = Annotated[str, _strict(100), AfterValidator(_text(100))]
Line = Annotated[str, _strict(200), AfterValidator(_text(200))]


def _without_card(text: str) -> str:
    from privacy.models.cards import holds_card_number

    if holds_card_number(text):
        raise _wrong("must not hold a payment card number")
    return text


NoCards = AfterValidator(_without_card)
"""For what is typed elsewhere than into the website's forms, which are looked through whole (signup.no-cards)."""


# --- addresses -------------------------------------------------------------------------------------


def _email(value: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    if len(value) > EMAIL_MAX_CHARACTERS + 64:
        raise _wrong("is too long for an e-mail address")
    try:
        # No SMTPUTF8: the mail service cannot send to a local part outside ASCII (SES, "Unicode addresses").
        checked = validate_email(value.strip(), check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        checked = None
    if checked is None or len(checked.ascii_email or "") > EMAIL_MAX_CHARACTERS:
        raise _wrong("must be an e-mail address, such as name@company.example, in ASCII before the @")
    return checked.normalized


Email = Annotated[
    str,
    Field(strict=True, json_schema_extra={"format": "email", "maxLength": EMAIL_MAX_CHARACTERS}),
    AfterValidator(_email),
]


def mailbox(email: str) -> str:
    """What two writings of one address have in common: lower case, the domain in its ASCII form (RFC 5890).
    This is what uniqueness is about, and what mail is sent to; `email` has been through `Email`.
    """
    from email_validator import validate_email

    checked = validate_email(email, check_deliverability=False, allow_smtputf8=False, strict=True)
    return (checked.ascii_email or email).lower()


def _phone(value: str) -> str:
    import phonenumbers

    text = value.strip()
    problem = "must be a phone number in international format, with + and the country code"
    if len(text) > 40 or not text.startswith(("+", "\uff0b")):
        raise _wrong(problem)
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        number = None
    # Possible, not valid: the library's list of number ranges is older than the newest numbers.
    if number is None or number.extension or not phonenumbers.is_possible_number(number):
        raise _wrong(problem)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


Phone = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": r"^\+[1-9][0-9 ().-]+$", "maxLength": 40}),
    AfterValidator(_phone),
]
"""Stored as E.164. An extension is refused, since E.164 has no place for it."""

_ADDRESS_LINES = (
    "name",
    "company",
    "line1",
    "line2",
    "street",
    "postal_code",
    "city",
    "state",
    "region",
    "country",
)
ADDRESS_MAX_CHARACTERS = 500


def _address(value: object) -> object:
    """An address is text of several lines, or an object of lines, which becomes that text in the order it was
    sent.
    """
    if not isinstance(value, Mapping):
        return value
    if not value or not all(isinstance(line, str) for line in value.values()):
        raise _wrong("must be text, or an object of text lines")
    if not all(name in _ADDRESS_LINES for name in value):
        raise _wrong("must be text, or an object of: " + ", ".join(_ADDRESS_LINES))
    return "\n".join(_text(ADDRESS_MAX_CHARACTERS)(line) for line in value.values())


PostalAddress = Annotated[
    str,
    BeforeValidator(_address, json_schema_input_type=str | dict[str, str]),
    _strict(ADDRESS_MAX_CHARACTERS),
    AfterValidator(_text(ADDRESS_MAX_CHARACTERS, "\n")),
]


def known_country(value: str) -> str | None:
    """A country of the register (ISO 3166-1 alpha-2), in upper case, or None."""
    code = value.upper() if value.isascii() else ""
    return code if code in policy.load().region_of_country else None


def _country(value: str) -> str:
    code = known_country(value)
    if code is None:
        raise _wrong("must be a country code of two letters (ISO 3166-1 alpha-2)")
    return code


Country = Annotated[str, Field(strict=True, json_schema_extra={"pattern": "^[A-Z]{2}$"}), AfterValidator(_country)]


# --- secrets ---------------------------------------------------------------------------------------


def _password(value: SecretStr) -> SecretStr:
    raw = value.get_secret_value()
    if len(raw) > 4 * PASSWORD_MAX_CHARACTERS:
        raise _wrong(f"must have at most {PASSWORD_MAX_CHARACTERS} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in raw):
        raise _wrong("must not hold control characters")
    text = unicodedata.normalize("NFKC", raw)
    if not PASSWORD_MIN_CHARACTERS <= len(text) <= PASSWORD_MAX_CHARACTERS:
        raise _wrong(f"must have {PASSWORD_MIN_CHARACTERS} to {PASSWORD_MAX_CHARACTERS} characters")
    return SecretStr(text)


Password = Annotated[
    SecretStr,
    Field(
        strict=True,
        json_schema_extra={"minLength": PASSWORD_MIN_CHARACTERS, "maxLength": PASSWORD_MAX_CHARACTERS},
    ),
    AfterValidator(_password),
]
"""A new password: NFKC (NIST SP 800-63B), spaces kept, length counted in code points. Never shown, never
dumped."""


# --- names and paths in a database -----------------------------------------------------------------

_MODEL = re.compile(r"[a-z0-9_.-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_.:@-]{1,200}")
_DRIVE = re.compile(r"[A-Za-z]:")


def _matching(pattern: re.Pattern[str], message: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise _wrong(message)
        return value

    return check


RecordModel = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": f"^{_MODEL.pattern}$"}),
    AfterValidator(_matching(_MODEL, "must have 1 to 64 of the characters a-z 0-9 _ . -")),
]
RecordKey = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": f"^{_KEY.pattern}$"}),
    AfterValidator(_matching(_KEY, "must have 1 to 200 of the characters A-Z a-z 0-9 _ . : @ -")),
]


def _file_path(value: str) -> str:
    """A relative path that unpacks below its folder on any system, and to the same name: NFC, no `.` or `..`
    (nor what Windows takes for them: parts of dots and spaces only, or ending in one), no drive, no
    backslash.
    """
    if len(value) > FILE_PATH_MAX_BYTES:
        raise _wrong(f"must have at most {FILE_PATH_MAX_BYTES} bytes of UTF-8")
    if problem := _character_problem(value, ""):
        raise _wrong(problem)
    path = unicodedata.normalize("NFC", value)
    if len(path.encode()) > FILE_PATH_MAX_BYTES:
        raise _wrong(f"must have at most {FILE_PATH_MAX_BYTES} bytes of UTF-8")
    if "\ufffd" in path:  # what API Gateway makes of bytes that are no UTF-8: two names would become one
        raise _wrong("must be written in UTF-8")
    if "\\" in path or _DRIVE.match(path):
        raise _wrong("must be a relative path with / between its parts")
    for part in path.split("/"):
        if not part:
            raise _wrong("must be a relative path without empty parts")
        if part.endswith((".", " ")) or part.startswith(" "):
            raise _wrong("must have no part that is . or .. or begins with a space or ends with a dot or a space")
        if len(part.encode()) > FILE_PART_MAX_BYTES:
            raise _wrong(f"must have parts of at most {FILE_PART_MAX_BYTES} bytes of UTF-8")
    return path


FilePath = Annotated[
    str,
    Field(strict=True, json_schema_extra={"minLength": 1, "maxLength": FILE_PATH_MAX_BYTES}),
    AfterValidator(_file_path),
]


BYTES = "application/octet-stream"
"""The type of a file that names none."""

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,64}"  # noqa: S105  # a grammar's token (RFC 6838, 4.2), no secret
_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:; ?{_TOKEN}=(?:{_TOKEN}|"[A-Za-z0-9 !#$&^_.+:/=-]{{0,64}}")){{0,4}}')

ContentType = Annotated[
    str, Field(strict=True), AfterValidator(_matching(_TYPE, "must be a content type such as image/png"))
]
"""The type of a file (RFC 6838), with at most four parameters."""


# --- times -----------------------------------------------------------------------------------------

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)


YEARS = range(2000, 2200)
"""The years that anything here can be about."""


def _instant(value: object) -> datetime:
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        with suppress(ValueError, OverflowError):
            instant = datetime.fromisoformat(value.upper()).astimezone(UTC).replace(microsecond=0)
            if instant.year in YEARS:
                return instant
    raise _wrong("must be a time such as 2026-01-31T12:00:00Z")


Instant = Annotated[datetime, BeforeValidator(_instant)]
"""A time with its offset (RFC 3339), kept in UTC and to the second below."""


# --- what is wrong, in our own words ---------------------------------------------------------------


class InvalidFieldsError(ValueError):
    """The input does not have the fields that it should (422). It carries names and sentences, never
    values.
    """

    def __init__(self, errors: list[dict[str, str]]) -> None:
        """`errors` is a list of `{field, message}`, with one at least."""
        super().__init__("the input is invalid")
        self.errors = errors


_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "dataclass_type": "must be an object",
    "union_tag_not_found": "is required",
}
_LIMITS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
    "string_too_short": ("min_length", "must have this many characters at least:"),
    "string_too_long": ("max_length", "must have at most this many characters:"),
    "too_short": ("min_length", "must have this many members at least:"),
    "too_long": ("max_length", "must have at most this many members:"),
    "literal_error": ("expected", "must be one of:"),
    "enum": ("expected", "must be one of:"),
}


def field_errors(error: ValidationError, *, known: Collection[str] = ()) -> list[dict[str, str]]:
    """What is wrong with an input, as `{field, message}`: dotted field names and our own sentences.

    `known` are names that may be repeated although the request has no such field: those of its sister
    requests, so that a password in a contact form is named. Any other unknown name is shown as "(unknown)".
    """
    errors: dict[tuple[str, str], None] = {}
    for detail in error.errors(include_input=False, include_url=False):
        path = list(detail["loc"])
        if detail["type"] == "extra_forbidden" and path[-1] not in known:
            path[-1] = UNKNOWN
        message = _message(detail["type"], detail.get("ctx", {}), detail["msg"])
        errors[".".join(map(str, path)), message] = None
    return [{"field": field, "message": message} for field, message in errors]


def _message(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "rule":
        return message
    if context.get("field_type") == "Value":  # what pydantic measures without knowing its kind: text that is a secret
        kind = f"string_{kind}"
    if kind in _LIMITS:
        name, text = _LIMITS[kind]
        return f"{text} {context[name]}"
    if kind.startswith("string"):
        return "must be text"
    if kind.startswith(("datetime", "date", "time")):
        return "must be a time such as 2026-01-31T12:00:00Z"
    return _MESSAGES.get(kind, "is not valid")


def checked(kind: TypeAdapter[str], field: str, text: str) -> str:
    """A value that comes alone, in a path, a query or a header, as its kind keeps it. Raises: InvalidFieldsError."""
    try:
        return kind.validate_python(text)
    except ValidationError as error:
        errors = [{"field": field, "message": entry["message"]} for entry in field_errors(error)]
    raise InvalidFieldsError(errors)


def fits(kind: TypeAdapter[str], text: str) -> bool:
    """Whether a value has its kind's one form already: a path, for one, in NFC, so that two cannot become one file."""
    try:
        return kind.validate_python(text) == text
    except ValidationError:
        return False


AnyForm = TypeVar("AnyForm", bound=BaseModel)


def validated(form: type[AnyForm], data: object, *, known: Collection[str] = ()) -> AnyForm:
    """What a parsed JSON body holds, checked; the one way in for every handler.

    Raises: InvalidFieldsError. Pydantic's own exception, which holds what was sent, does not hang on to it.
    """
    try:
        return form.model_validate(data)
    except ValidationError as error:
        errors = field_errors(error, known=known)
    raise InvalidFieldsError(errors)
