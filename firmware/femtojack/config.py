"""The configuration: one schema for every board and for the host.

[sip]   server "A.B.C.D:PORT", user, password, domain, port (own), rtp_port (own, even), expires (s)
[line]  country, dial_plan
[voice] taps, nlp, comfort_noise
[gsm]   enabled; the network and its carriers: mcc, mnc, lac, cell_id, arfcn, arfcn_dedicated, bsic, combined,
        traffic_channels (at most), ms_power;
        who may register: registration, subscribers "IMSI=NUMBER IMSI ...", first_number, reject_cause;
        authentication, cipher (A5/n), emergency; periodic_update (minutes), t3122 (s);
        numbers that phones and the line dial: line_number, group_number (all phones); ring, who gets a call by SIP for
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


def parse_subscribers(text):
    """[(IMSI, number or "")] from "IMSI=NUMBER IMSI ..."; None if it is not that."""
    found = []
    for word in text.split():
        imsi, _, number = word.partition("=")
        if not _digits(imsi, 6, 15) or not _digits(number, 0, 15) or any(imsi == known for known, _ in found):
            return None
        found.append((imsi, number))
    return found


def _digits(text, least, most):
    return least <= len(text) <= most and all(c in "0123456789" for c in text)


def _arfcn(n):
    return 1 <= n <= 124 or 512 <= n <= 885


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


def _one_of(*values):
    return lambda value: value in values


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
        "enabled": (bool, False, None, ""),
        "mcc": (str, "001", lambda s: _digits(s, 3, 3), "three digits"),
        "mnc": (str, "01", lambda s: _digits(s, 2, 3), "two or three digits"),
        "lac": (int, 1, _within(1, 65533), "a location area code, 1..65533"),
        "cell_id": (int, 1, _within(0, 65535), "0..65535"),
        "arfcn": (int, 50, _arfcn, "a carrier of GSM 900, 1..124, or of DCS 1800, 512..885"),
        "arfcn_dedicated": (int, 60, _arfcn, "a carrier of GSM 900, 1..124, or of DCS 1800, 512..885"),
        "bsic": (int, 63, _within(0, 63), "a base station identity code, 0..63"),
        "combined": (bool, False, None, ""),
        "traffic_channels": (int, 7, _within(1, 7), "1..7, 6 at most where not combined"),
        "ms_power": (int, 14, _within(0, 31), "a power control level, 0..31"),
        "registration": (str, "open", _one_of("open", "listed"), "open or listed"),
        "subscribers": (str, "", lambda s: parse_subscribers(s) is not None, "IMSI=NUMBER or IMSI, with spaces"),
        "first_number": (int, 201, _within(1, 999999999), "1..999999999"),
        "reject_cause": (int, 12, _one_of(2, 3, 11, 12, 13, 15), "a cause of TS 24.008: 2 3 11 12 13 15"),
        "authentication": (str, "known", _one_of("off", "known", "required"), "off, known or required"),
        "cipher": (int, 0, _one_of(0, 1, 3), "0, or 1 or 3 for A5/1 or A5/3"),
        "emergency": (bool, True, None, ""),
        "periodic_update": (int, 60, lambda n: 0 <= n <= 1530 and not n % 6, "minutes, a multiple of 6, 0..1530"),
        "t3122": (int, 5, _within(1, 255), "seconds, 1..255"),
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
    _carriers(result["gsm"])
    _number_plan(result["gsm"])
    return result


def _carriers(gsm):
    """One cell channel description must hold both (TS 44.018 10.5.2.1b)."""
    first, second = gsm["arfcn"], gsm["arfcn_dedicated"]
    if max(first, second) > 124 and abs(first - second) > 111:
        raise ConfigError(f"gsm.arfcn_dedicated: {second} should be at most 111 from arfcn, {first}, and in its band")


def _number_plan(gsm):
    """A number is one's only."""
    taken = [number for _, number in parse_subscribers(gsm["subscribers"]) if number]
    taken += [gsm["line_number"], gsm["group_number"]]
    for number in taken:
        if taken.count(number) > 1:
            raise ConfigError(f"gsm: {number} is the number of more than one: of phones, line_number or group_number")


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
