"""How people write numbers: cards in disguise, and what looks like a card and is none. Driven by a seeded Random."""

import random
import re
import uuid
from collections.abc import Callable
from importlib.resources import files

import phonenumbers
from stdnum.br import cnpj
from stdnum.cn import ric

Writer = Callable[[random.Random], str]

BRANDS = {
    "visa": ("4", 16),
    "visa-19": ("4", 19),
    "mastercard": ("51", 16),
    "mastercard-2": ("2221", 16),
    "mastercard-2-last": ("2720", 16),
    "amex": ("37", 15),
    "amex-34": ("34", 15),
    "discover": ("6011", 16),
    "discover-65": ("65", 16),
    "jcb": ("3530", 16),
    "diners": ("36", 14),
    "diners-305": ("305", 14),
    "unionpay": ("62", 16),
    "unionpay-19": ("62", 19),
    "maestro": ("6759", 16),
    "mir": ("2200", 16),
    "elo": ("636368", 16),
    "troy": ("9792", 16),
}
SCRIPTS = {
    "arabic-indic": "٠١٢٣٤٥٦٧٨٩",
    "extended arabic-indic": "۰۱۲۳۴۵۶۷۸۹",
    "devanagari": "०१२३४५६७८९",
    "thai": "๐๑๒๓๔๕๖๗๘๙",
    "fullwidth": "０１２３４５６７８９",
    "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "circled": "⓪①②③④⑤⑥⑦⑧⑨",
    "negative circled": "⓿❶❷❸❹❺❻❼❽❾",
    "superscript": "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "subscript": "₀₁₂₃₄₅₆₇₈₉",
    "chinese": "〇一二三四五六七八九",
}
SEPARATORS = {
    "space": " ",
    "dash": "-",
    "dot": ".",
    "slash": "/",
    "underscore": "_",
    "no-break space": "\u00a0",
    "em space": "\u2003",
    "ideographic space": "\u3000",
    "en dash": "\u2013",
    "em dash": "\u2014",
    "minus": "\u2212",
    "middle dot": "\u00b7",
    "soft hyphen": "\u00ad",
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "right-to-left override": "\u202e",
    "direction isolates": "\u2066\u2069",
    "combining mark": "\u0301",
    "hangul filler": "\u3164",
    "newline": "\n",
    "tab": "\t",
    "NUL": "\0",
    "comma": ", ",
    "bar": " | ",
    "star": "*",
    "wide": " " * 200,
    "percent-encoded space": "%20",
    "entity": "&nbsp;",
    "numeric entity": "&#45;",
    "tag": "<wbr>",
}


def digits(source: random.Random, count: int) -> str:
    return "".join(source.choice("0123456789") for _ in range(count))


def with_luhn(body: str) -> str:
    """A body and its check digit, computed here on its own (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def card(source: random.Random, brand: str) -> str:
    prefix, length = BRANDS[brand]
    return with_luhn(prefix + digits(source, length - len(prefix) - 1))


def grouped(source: random.Random, number: str, how: str) -> list[str]:
    match how:
        case "solid":
            return [number]
        case "embossed":
            if len(number) in (14, 15):
                return [number[:4], number[4:10], number[10:]]
            return re.findall(".{1,4}", number)
        case "pairs":
            return re.findall("..?", number)
        case "single":
            return list(number)
    groups = []
    while number:
        cut = source.randint(1, 6)
        groups.append(number[:cut])
        number = number[cut:]
    return groups


GROUPINGS = ("solid", "embossed", "pairs", "single", "any")
CONTEXTS = (
    "{}",
    "my card {} exp 12/27 123",
    "pay:{}",
    "x{}y",
    "Card No. {}",
    "{} 12/27",
    "{} 12/27 123",
    "{}, 12/2027 1234",
    "{} 123",
    "карта {} спасибо",
    "%B{}^DOE/JANE^2712101",
    ";{}=27121010000012345678?",
    "https://shop.example/?pan={}&cvc=123",
    '{{"pan":"{}"}}',
)
ESCAPES: dict[str, Callable[[str], str]] = {
    "none": lambda digit: digit,
    "percent": lambda digit: f"%{ord(digit):02x}",
    "percent twice": lambda digit: f"%25{ord(digit):02X}",
    "decimal entity": lambda digit: f"&#{ord(digit)};",
    "padded entity": lambda digit: f"&#{ord(digit):05d};",
    "hex entity": lambda digit: f"&#x{ord(digit):x};",
    "json escape": lambda digit: f"\\u{ord(digit):04x}",
    "byte escape": lambda digit: f"\\x{ord(digit):02x}",
    "keycap": lambda digit: digit + "\ufe0f\u20e3",
}


# --- what is no card --------------------------------------------------------------------------------------------------

_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_FORMATS = phonenumbers.PhoneNumberFormat


def _phone(source: random.Random) -> phonenumbers.PhoneNumber:
    while True:
        example = phonenumbers.example_number_for_type(source.choice(_REGIONS), source.choice([0, 1]))
        if example is None:
            continue
        national = str(example.national_number)
        kept = source.randint(2, max(2, len(national) - 2))
        number = phonenumbers.parse(f"+{example.country_code}{national[:kept]}{digits(source, len(national) - kept)}")
        if phonenumbers.is_valid_number(number):
            return number


def phone(source: random.Random) -> str:
    number = _phone(source)
    e164 = phonenumbers.format_number(number, _FORMATS.E164)
    international = phonenumbers.format_number(number, _FORMATS.INTERNATIONAL)
    written = [
        e164,
        international,
        phonenumbers.format_number(number, _FORMATS.RFC3966),
        phonenumbers.format_number(number, _FORMATS.NATIONAL),
        e164[1:],
        "00" + e164[1:],
        "00 " + international[1:],
        international.replace(" ", "-"),
        international.replace(" ", "."),
        f"call {international} today",
        e164.translate(str.maketrans("0123456789", SCRIPTS["arabic-indic"])),
    ]
    return source.choice(written)


def two_phones(source: random.Random) -> str:
    first, second = (phonenumbers.format_number(_phone(source), _FORMATS.INTERNATIONAL) for _ in range(2))
    return f"{first}{source.choice([' / ', ', ', ' or ', chr(10)])}{second}"


_IBANS = re.findall(r'^([A-Z]{2}) .*bban="([^"]*)"', (files("stdnum") / "iban.dat").read_text("utf-8"), re.MULTILINE)


def iban(source: random.Random) -> str:
    country, structure = source.choice(_IBANS)
    body = ""
    for length, kind in re.findall(r"(\d+)!?([nac])", structure):
        body += "".join(source.choice("0123456789" if kind == "n" else "ABCDEFXYZ") for _ in range(int(length)))
    check = 98 - int("".join(str(int(character, 36)) for character in body + country + "00")) % 97
    text = f"{country}{check:02d}{body}"
    return source.choice(["", "IBAN: ", "my iban is "]) + source.choice(
        [text, " ".join(re.findall(".{1,4}", text)), text.lower(), text + " 12"]
    )


def order_reference(source: random.Random) -> str:
    year = source.randint(2020, 2029)
    return source.choice(
        [
            f"ORD-{year}-{digits(source, 4)}-{digits(source, 4)}-{digits(source, 4)}",
            f"INV/{year}/{digits(source, 6)}",
            f"PO {year}{digits(source, 10)}",
            f"#{source.randint(1, 10**9)}",
            f"{digits(source, 3)}-{digits(source, 7)}",
            f"1Z{digits(source, 6)}{digits(source, 10)}" if source.random() < 0 else f"R{digits(source, 9)}",
            str(uuid.UUID(int=source.getrandbits(128))),
            "01" + "".join(source.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(24)),
            f"{source.getrandbits(160):040x}",
            str(source.randint(10**12, 2 * 10**12)),
            f"{year}{source.randint(1, 12):02d}{source.randint(1, 28):02d}{digits(source, 6)}",
        ]
    )


def moment(source: random.Random) -> str:
    day, month, year = source.randint(1, 28), source.randint(1, 12), source.randint(1990, 2039)
    hour, minute = source.randint(0, 23), source.randint(0, 59)
    return source.choice(
        [
            f"{day:02d}.{month:02d}.{year} {hour:02d}:{minute:02d}:00",
            f"{day:02d}/{month:02d}/{year} - {day:02d}/{month:02d}/{year + 1}",
            f"{month:02d}/{day:02d}/{year} {hour:02d}:{minute:02d}:59",
            f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:00.{digits(source, 6)}Z",
            f"{day:02d}{month:02d}20{year % 100:02d}{hour:02d}{minute:02d}30",
        ]
    )


def tax_id(source: random.Random) -> str:
    siret = with_luhn(
        with_luhn(source.choice(["36", "38", "39", "45"]) + digits(source, 6)) + "000" + digits(source, 1)
    )
    company = source.choice(["36", "38", "39", "12"]) + digits(source, 6) + "000" + digits(source, 1)
    brazilian = company + cnpj.calc_check_digits(company)
    born = f"{source.randint(1950, 2005)}{source.randint(1, 12):02d}{source.randint(1, 28):02d}"
    chinese = "620102" + born + digits(source, 3)
    return source.choice(
        [
            siret,
            f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}",
            brazilian,
            cnpj.format(brazilian),
            chinese + ric.calc_check_digit(chinese),
            f"DE{digits(source, 9)}",
            f"SE{digits(source, 10)}01",
            f"FR{digits(source, 2)} {digits(source, 9)}",
            f"NL{digits(source, 9)}B01",
            f"GB {digits(source, 3)} {digits(source, 4)} {digits(source, 2)}",
            f"{digits(source, 2)}/{digits(source, 3)}/{digits(source, 5)}",
            f"{digits(source, 3)}-{digits(source, 2)}-{digits(source, 4)}",
            f"UEN {source.randint(1990, 2026)}{digits(source, 5)}K",
        ]
    )


def article(source: random.Random) -> str:
    body = source.choice(["400", "45", "978", "49", "50"])
    body += digits(source, 12 - len(body))
    return body + str(-sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(body)) % 10)


def imei(source: random.Random) -> str:
    return with_luhn(source.choice(["35", "86", "01", "99"]) + digits(source, 12))


def place(source: random.Random) -> str:
    return f"{source.uniform(-90, 90):.6f}, {source.uniform(-180, 180):.6f}"


LOOKALIKES: dict[str, Writer] = {
    "phone numbers": phone,
    "two phone numbers": two_phones,
    "IBANs": iban,
    "order references": order_reference,
    "dates and times": moment,
    "tax ids": tax_id,
    "article numbers": article,
    "IMEIs": imei,
    "coordinates": place,
}
