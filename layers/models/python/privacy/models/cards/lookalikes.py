"""What passes for a card number and is none: a phone number, a tax id, an IBAN, an article number, a date, a
place.

Asked only about digits that have an issuer, the right length and the right check digit, so each rule must be
unmistakable: a check digit of its own, or its own way of being written. A rule that merely *could* be meant
loses to the card. The libraries are loaded late: a form without anything that looks like a card never pays
for them.
"""

import re
from dataclasses import dataclass
from datetime import date

NEARBY = 64
"""Characters before and after a number that may say what it is: a SHA-256 has as many."""


@dataclass(frozen=True, slots=True)
class Written:
    """A number as it was written: its groups of digits, the text with its separators, and what stands around
    it.
    """

    groups: tuple[str, ...]
    text: str
    before: str
    after: str

    @property
    def digits(self) -> str:
        """All its digits."""
        return "".join(self.groups)

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of its groups."""
        return tuple(map(len, self.groups))


def is_something_else(number: Written) -> bool:
    """Whether a number that could be a card is unmistakably another thing."""
    rules = (_is_time_or_place, _is_random_id, _is_phone, _is_iban, _is_registered_id)
    return any(rule(number) for rule in rules)


# --- phones ----------------------------------------------------------------------------------------

_INTERNATIONAL = re.compile(r"[+][0-9 ().-]{8,32}")
_TWO_LOCAL = re.compile(r"([689][0-9]{3}[ -]?[0-9]{4})\s?[,;/|&]\s?([689][0-9]{3}[ -]?[0-9]{4})")


def _is_phone(number: Written) -> bool:
    """A complete international number (E.164: at most 15 digits), or two of Singapore's side by side."""
    text = ("+" if number.before.rstrip(" (").endswith("+") else "") + number.text
    for start in re.finditer("[+]", text):
        for written in (text, text + number.after):  # the phone number may go on where the candidate ends
            part = _INTERNATIONAL.match(written, start.start())
            if part and _is_valid_phone(part[0], None):
                return True
    if len(number.digits) == 13 and number.shape[0] in (2, 13) and _is_valid_phone("+" + number.digits, None):
        return True
    pair = _TWO_LOCAL.fullmatch(number.text)
    return pair is not None and all(_is_valid_phone(part, "SG") for part in pair.groups())


def _is_valid_phone(text: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


# --- times and places ------------------------------------------------------------------------------

_DATES = re.compile(
    r"([0-3]?[0-9])([./-])([0-3]?[0-9])\2(?:19|20)[0-9]{2}(?:[ ,-]{1,3}"
    r"(?:[0-3]?[0-9][./-][0-3]?[0-9][./-](?:19|20)[0-9]{2}|[0-2][0-9][:.][0-5][0-9](?:[:.][0-5][0-9])?))+"
)
"""A day and a time, or two days: day or month first, the other orders begin with no issuer."""
_STAMP = re.compile(r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])20[0-9]{2}(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]")
"""A day and a time in one piece."""
_COORDINATES = re.compile(r"([0-9]{1,2})\.[0-9]{3,}(?:, ?|; ?| |/)-?([0-9]{1,3})\.[0-9]{3,}")


def _is_time_or_place(number: Written) -> bool:
    if (day := _DATES.fullmatch(number.text)) and max(int(day[1]), int(day[3])) <= 31:
        return min(int(day[1]), int(day[3])) in range(1, 13)
    if _STAMP.fullmatch(number.text):
        return True
    place = _COORDINATES.fullmatch(number.text)
    return place is not None and int(place[1]) <= 90 and int(place[2]) <= 180


# --- ids with a check of their own -----------------------------------------------------------------

_HEX_BEFORE = re.compile(r"[0-9a-f-]*\Z", re.IGNORECASE)
_HEX_AFTER = re.compile(r"[0-9a-f-]*", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _is_random_id(number: Written) -> bool:
    """Digits inside a UUID or a hexadecimal digest of the usual lengths (MD5, SHA-1, SHA-256)."""
    before, after = _HEX_BEFORE.search(number.before), _HEX_AFTER.match(number.after)
    token = (before[0] if before else "") + number.text + (after[0] if after else "")
    letters = sum(map(str.isalpha, token))
    return letters >= 4 and (_UUID.fullmatch(token) is not None or (token.isalnum() and len(token) in (32, 40, 64)))


_IBAN_START = re.compile(r"[A-Z]{2}[0-9]{2}", re.IGNORECASE)


def _is_iban(number: Written) -> bool:
    """Digits that stand in an IBAN of the right length for its country and the right check (ISO 13616)."""
    from stdnum import iban

    text = number.before + number.text
    for start in _IBAN_START.finditer(number.before + number.text[:2]):
        upto = _compact(text[start.start() :])
        whole = upto + _compact(number.after)
        lengths = range(max(15, len(upto) - 4), min(34, len(whole)) + 1)  # other digits may follow it
        if any(iban.is_valid(whole[:length], check_country=False) for length in lengths):
            return True
    return False


def _compact(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text).upper()


_LABEL = re.compile(
    r"\b(vat|tva|ust|mwst|iva|btw|moms|tax|tin|nif|nit|cif|siret|siren|cnpj|npwp|nik|gst|gstin|rut|ruc|uen|abn|ein|"
    r"cnic|ntn|jmbg|imei|isbn|ean|gtin|upc|barcode)\b[^0-9]{0,16}$",
    re.IGNORECASE,
)
"""Words that make a number of theirs unmistakable, when it also passes their own check."""


def _is_registered_id(number: Written) -> bool:
    """A tax id or an article number: checked by its own rule, and long enough or written like one."""
    import stdnum.br.cnpj
    import stdnum.cn.ric
    import stdnum.ean
    import stdnum.fr.siren
    import stdnum.id.nik
    import stdnum.id.npwp
    import stdnum.jp.cn
    import stdnum.kr.rrn
    import stdnum.pk.cnic
    import stdnum.th.pin
    import stdnum.za.idnr

    digits, shape = number.digits, number.shape
    labelled = _LABEL.search(number.before) is not None
    match len(digits):
        case 13:
            # Visa issues no 13 digits any more and none is in force: in one piece an article number or a
            # South African identity number wins, as a complete phone number does.
            return (
                (shape in ((13,), (1, 6, 6)) and stdnum.ean.is_valid(digits))
                or (shape == (13,) and stdnum.za.idnr.is_valid(digits))
                or ((labelled or shape == (6, 7)) and stdnum.kr.rrn.is_valid(digits))
                or ((labelled or shape == (5, 7, 1)) and stdnum.pk.cnic.is_valid(digits))
                or ((labelled or shape == (1, 4, 5, 2, 1)) and stdnum.th.pin.is_valid(digits))
                or ((labelled or number.before.endswith(("T", "t"))) and stdnum.jp.cn.is_valid(digits))
            )
        case 14:
            # A SIRET is always right by Luhn, and many begin like a Diners Club number: its own nine-digit
            # SIREN must be right too, and its branch be written or numbered like one.
            branch = labelled or shape == (3, 3, 3, 5) or digits[9:12] == "000"
            office = labelled or shape == (2, 3, 3, 4, 2) or digits[8:11] == "000"
            siret = branch and stdnum.fr.siren.is_valid(digits[:9])
            return siret or (office and stdnum.br.cnpj.is_valid(digits))
        case 15:
            return (labelled or shape == (2, 3, 3, 1, 3, 3)) and stdnum.id.npwp.is_valid(digits)
        case 16:
            return labelled and (stdnum.id.nik.is_valid(digits) or stdnum.id.npwp.is_valid(digits))
        case 18:
            return _is_birth_date(digits[6:14]) and stdnum.cn.ric.calc_check_digit(digits[:17]) == digits[17]
    return False


def _is_birth_date(digits: str) -> bool:
    try:
        return date.fromisoformat(digits).year >= 1900
    except ValueError:
        return False
