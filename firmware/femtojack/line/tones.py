"""Call progress tones and ringing by country: what the SLIC's two oscillators and its ringer are to play.

Sources: ITU-T E.180 Supplement 2 and BT SIN 350 for frequencies and cadences; levels are those of Telcordia
GR-506 (dial -13, ringback -19, busy and reorder -24 dBm0 for each of two tones; 3 dB more for a single one).
"""

from micropython import const

# Hz: (OSCn, OSCnX for 0 dBm0), Si3210 oscillators at 8 kHz:
#   OSCn  = cos(2 pi f / 8000) * 2**15
#   OSCnX = 1/4 * sqrt((1 - c) / (1 + c)) * (2**15 - 1) * Vrms / 1.11 with Vrms = 0.7746 (0 dBm in 600 ohm)
OSCILLATOR = {
    350: (0x7B32, 791),
    400: (0x79BC, 905),
    413: (0x7953, 935),
    425: (0x78EF, 963),
    438: (0x7880, 993),
    440: (0x786F, 998),
    450: (0x7817, 1021),
    480: (0x7703, 1090),
    620: (0x711F, 1420),
}

# Amplitudes as fractions of 256: 10**(dBm0 / 20) * 256
_DBM0_10 = const(81)
_DBM0_13 = const(57)
_DBM0_16 = const(41)
_DBM0_19 = const(29)
_DBM0_21 = const(23)
_DBM0_24 = const(16)

# Ringer, Hz: (RCO, RNGX for 70 V peak, NRTP, RTDI), Si3210 ringing, sine, updated at 1 kHz:
#   RCO  = cos(2 pi f / 1000) * 2**15
#   RNGX = 1/4 * sqrt((1 - c) / (1 + c)) * 2**15 * 70 / 96
# Ring trip filter and debounce (1.25 ms) as the datasheet's table by ringing frequency has them; 25 Hz takes 30 Hz's.
RINGER = {
    16: (0x7F5A, 0x012D, 0x0200, 0x0F),
    20: (0x7EFD, 0x0177, 0x0320, 0x0B),
    25: (0x7E6C, 0x01D6, 0x0380, 0x09),
    50: (0x79BB, 0x03B2, 0x06A8, 0x05),
}


class Tone:
    """`frequencies`: one or two, in Hz; `amplitude` of each, in 1/256 of 0 dBm0; `cadence`: ms on, off, on ...
    for ever, or () for a steady tone."""

    def __init__(self, frequencies, amplitude, cadence=()):
        self.frequencies = frequencies
        self.amplitude = amplitude
        self.cadence = cadence


class Country:
    """Tones, ringing, and the loop's timing. `flash_ms`: the shortest and the longest hook flash."""

    def __init__(self, ring_hz, ring, impedance, flash_ms, dial, ringback, busy, reorder):
        self.ring_hz = ring_hz
        self.ring = ring
        self.impedance = impedance
        self.flash_ms = flash_ms
        self.tones = {"dial": dial, "ringback": ringback, "busy": busy, "reorder": reorder}


# Si3210 reg 10 TISS: the line's impedance
_600 = const(0)
_CTR21 = const(4)  # 270 + 750 || 150 nF
_AUSTRALIA = const(5)  # 220 + 820 || 120 nF
_CHINA = const(7)  # 200 + 680 || 100 nF

COUNTRIES = {
    "us": Country(
        20, (2000, 4000), _600, (300, 1000),
        dial=Tone((350, 440), _DBM0_13),
        ringback=Tone((440, 480), _DBM0_19, (2000, 4000)),
        busy=Tone((480, 620), _DBM0_24, (500, 500)),
        reorder=Tone((480, 620), _DBM0_24, (250, 250)),
    ),
    "uk": Country(
        25, (400, 200, 400, 2000), _CTR21, (60, 130),
        dial=Tone((350, 440), _DBM0_13),
        ringback=Tone((400, 450), _DBM0_19, (400, 200, 400, 2000)),
        busy=Tone((400,), _DBM0_21, (375, 375)),
        reorder=Tone((400,), _DBM0_21, (400, 350, 225, 525)),
    ),
    "de": Country(
        25, (1000, 4000), _CTR21, (60, 130),
        dial=Tone((425,), _DBM0_10),
        ringback=Tone((425,), _DBM0_16, (1000, 4000)),
        busy=Tone((425,), _DBM0_21, (480, 480)),
        reorder=Tone((425,), _DBM0_21, (240, 240)),
    ),
    "fr": Country(
        50, (1500, 3500), _CTR21, (60, 300),
        dial=Tone((440,), _DBM0_10),
        ringback=Tone((440,), _DBM0_16, (1500, 3500)),
        busy=Tone((440,), _DBM0_21, (500, 500)),
        reorder=Tone((440,), _DBM0_21, (250, 250)),
    ),
    "jp": Country(
        16, (1000, 2000), _600, (300, 1000),
        dial=Tone((400,), _DBM0_10),
        # The standard's ringback is 400 Hz modulated with 15 Hz; the chip's oscillators do not modulate.
        ringback=Tone((400,), _DBM0_16, (1000, 2000)),
        busy=Tone((400,), _DBM0_21, (500, 500)),
        reorder=Tone((400,), _DBM0_21, (250, 250)),
    ),
    "au": Country(
        25, (400, 200, 400, 2000), _AUSTRALIA, (60, 130),
        dial=Tone((413, 438), _DBM0_13),
        ringback=Tone((413, 438), _DBM0_19, (400, 200, 400, 2000)),
        busy=Tone((425,), _DBM0_21, (375, 375)),
        reorder=Tone((425,), _DBM0_21, (375, 375)),
    ),
    "it": Country(
        25, (1000, 4000), _CTR21, (60, 130),
        dial=Tone((425,), _DBM0_10, (200, 200, 600, 1000)),
        ringback=Tone((425,), _DBM0_16, (1000, 4000)),
        busy=Tone((425,), _DBM0_21, (500, 500)),
        reorder=Tone((425,), _DBM0_21, (250, 250)),
    ),
    "cn": Country(
        25, (1000, 4000), _CHINA, (300, 1000),
        dial=Tone((450,), _DBM0_10),
        ringback=Tone((450,), _DBM0_16, (1000, 4000)),
        busy=Tone((450,), _DBM0_21, (350, 350)),
        reorder=Tone((450,), _DBM0_21, (700, 700)),
    ),
}  # fmt: skip
