"""Characters of texts: TS 23.038. The default alphabet, its packing, and UCS2."""

from micropython import const

# 6.2.1, in order
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPE = const(0x1B)
# 6.2.1.1, after an escape
_EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_EXTENDED = {character: code for code, character in _EXTENSION.items()}


def septets(text):
    """`text` in the default alphabet, one octet a septet; None if a character is not in it."""
    out = bytearray()
    for character in text:
        at = _BASIC.find(character)
        if character in _EXTENDED:
            out.append(ESCAPE)
            at = _EXTENDED[character]
        if at < 0 or character == "\x1b":
            return None
        out.append(at)
    return bytes(out)


def text_of(octets):
    """The text of septets, one an octet; an unknown extension is its basic character (6.2.1.1)."""
    text = ""
    escaped = False
    for code in octets:
        if code == ESCAPE:
            escaped = not escaped
            continue
        character = _BASIC[code & 0x7F]
        text += _EXTENSION.get(code, character) if escaped else character
        escaped = False
    return text


def pack(codes, fill=0):
    """Septets into octets after `fill` bits of 0, 0..6 (6.1.2.1)."""
    out = bytearray((len(codes) * 7 + fill + 7) // 8)
    bit = fill
    for code in codes:
        at, shift = bit >> 3, bit & 7
        out[at] |= code << shift & 0xFF
        if shift > 1:
            out[at + 1] |= code >> (8 - shift)
        bit += 7
    return bytes(out)


def unpack(octets, count, fill=0):
    """`count` septets, one an octet, of packed octets; fewer if there are not so many."""
    out = bytearray(max(min(count, (len(octets) * 8 - fill) // 7), 0))
    bit = fill
    for i in range(len(out)):
        at, shift = bit >> 3, bit & 7
        two = octets[at] | (octets[at + 1] << 8 if shift > 1 else 0)
        out[i] = two >> shift & 0x7F
        bit += 7
    return bytes(out)


def ucs2(text):
    """`text` in UCS2, which here is UTF-16: what is beyond it is a pair of surrogates."""
    out = bytearray()
    for character in text:
        code = ord(character)
        if code > 0xFFFF:
            code -= 0x10000
            out += bytes((0xD8 | code >> 18, code >> 10 & 0xFF))
            code = 0xDC00 | code & 0x3FF
        out += bytes((code >> 8, code & 0xFF))
    return bytes(out)


def ucs2_text(octets):
    """The text of UCS2; half a pair, or half a character, becomes "?"."""
    text = ""
    high = 0
    for i in range(0, len(octets) - 1, 2):
        code = octets[i] << 8 | octets[i + 1]
        low = 0xDC00 <= code < 0xE000
        if high and low:
            text += chr(0x10000 + ((high & 0x3FF) << 10) + (code & 0x3FF))
            high = 0
            continue
        if high:
            text += "?"
        high = code if 0xD800 <= code < 0xDC00 else 0
        if not high:
            text += "?" if low else chr(code)
    return text + "?" if high else text
