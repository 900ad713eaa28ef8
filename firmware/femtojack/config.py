"""The configuration: one schema for every board and for the host.

[sip]   server "A.B.C.D:PORT", user, password, domain, port (own), rtp_port (own, even), expires (s)
[line]  country, dial_plan
[voice] taps, nlp, comfort_noise
[gsm]   numbers that phones and the line dial: line_number, group_number (all phones); ring, who gets a call by SIP for
        nobody's number; emergency_number, what an emergency call calls by SIP; service_centre, who texts come from
"""

from femtojack.line.digit_map import DigitMap
from femtojack.line.tones import COUNTRIES


class ConfigError(ValueError):
    """One line: the key, what is wrong with it, what would be right."""


def parse_address(text):
    """b"A.B.C.D" + port in network order (6 octets) from "A.B.C.D:PORT"; None if it is not that."""
    host, _, port = text.partition(":")
    parts = host.split(".")
    if len(parts) != 4 or not all(_is_number(part, 255) for part in parts) or not _is_number(port or "5060", 65535):
        return None
    port = int(port or "5060")
    return bytes([int(part) for part in parts]) + bytes([port >> 8, port & 0xFF]) if port else None


def _is_number(text, most):
    return 0 < len(text) < 6 and all(c in "0123456789" for c in text) and int(text) <= most


def _word(text):
    return all(c > " " and c not in '@<>"' for c in text)


def _dial_plan(text):
    try:
        DigitMap(text)
    except ValueError:
        return False
    return True


def _number(text):
    return 0 < len(text) < 16 and all(c in "0123456789*#" for c in text[text[:1] == "+" :])


def _within(low, high):
    return lambda n: low <= n <= high


# section -> key -> (type, default, check, what would be right)
SCHEMA = {
    "sip": {
        "server": (str, "", lambda s: not s or parse_address(s), "an address such as 192.0.2.1:5060"),
        "user": (str, "", _word, "a user name without spaces, @, < or >"),
        "password": (str, "", lambda s: len(s) <= 128, "at most 128 characters"),
        "domain": (str, "", _word, "a domain name without spaces, @, < or >"),
        "port": (int, 5060, _within(1, 65535), "a UDP port, 1..65535"),
        "rtp_port": (int, 16384, lambda n: 1024 <= n <= 65534 and not n % 2, "an even UDP port, 1024..65534"),
        "expires": (int, 300, _within(60, 86400), "seconds, 60..86400"),
    },
    "line": {
        "country": (str, "us", lambda s: s in COUNTRIES, "one of " + " ".join(sorted(COUNTRIES))),
        "dial_plan": (str, "x.T", _dial_plan, "a digit map such as x.T or [2-9]xxxxxx|0T"),
    },
    "voice": {
        "taps": (int, 128, lambda n: 16 <= n <= 1024 and not n % 16, "a multiple of 16, 16..1024"),
        "nlp": (bool, False, None, ""),
        "comfort_noise": (bool, False, None, ""),
    },
    "gsm": {
        "line_number": (str, "100", _number, "digits"),
        "group_number": (str, "199", _number, "digits"),
        "ring": (str, "all", lambda s: s in ("line", "phones", "all"), "one of line phones all"),
        "emergency_number": (str, "112", _number, "digits"),
        "service_centre": (str, "+15550100", _number, "digits, perhaps after a +"),
    },
}


def validate(config):
    """A complete configuration: what `config` says over the defaults. ConfigError names the first key that is wrong."""
    _known(config, SCHEMA, "")
    result = {}
    for section in sorted(SCHEMA):
        given = config.get(section, {})
        if not isinstance(given, dict):
            raise ConfigError(f"{section}: should be a table")
        _known(given, SCHEMA[section], section + ".")
        result[section] = {key: _value(section, key, given) for key in sorted(SCHEMA[section])}
    return result


def _known(given, schema, prefix):
    for key in sorted(given):
        if key not in schema:
            raise ConfigError(f"{prefix}{key}: unknown key; known are " + " ".join(sorted(schema)))


def _value(section, key, given):
    kind, default, check, right = SCHEMA[section][key]
    value = given.get(key, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{section}.{key}: {value!r} should be of type {kind.__name__}")
    if check and not check(value):
        raise ConfigError(f"{section}.{key}: {value!r} should be {right}")
    return value
