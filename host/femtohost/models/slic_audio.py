"""Si3210: the voice path between the PCM bus and the line, in blocks of 10 ms.

rx * DACG * ARX + tones to RX -> line; (echo + near end) -> high-pass * ADCG * ATX + tones to TX -> tx. Sums are
float64 in int16 units, rounded once. Source: Si3210/Si3211 datasheet rev 1.61, sections "Audio Path", reg 1, 8, 9.
"""

import numpy as np

from femtohost.models.slic_dtmf import DtmfReceiver
from femtohost.models.slic_filter import HIGH_PASS, BlockFilter

BLOCK = 80
SAMPLE = 125_000  # ns
LINEAR = 3  # PCMF
UNITY = 0x400  # of the 12 bits 15:4 of DACG and ADCG
ANALOG_GAIN = (1.0, 10 ** (-3.5 / 20), 10 ** (3.5 / 20), 0.0)  # ATX, ARX
ACTIVE, OHT = (1, 5), (2, 6)  # linefeed states with audio: off-hook only, always


class Audio:
    """Gains, high-pass, tones and DTMF receiver of one chip."""

    def __init__(self, chip):
        self._chip = chip
        self._filter = BlockFilter(HIGH_PASS, 2)
        self._dtmf = DtmfReceiver()
        self._rx_gain = self._tx_gain = 0.0
        self._on = self._loopback = self._complained = False

    def reset(self):
        self._filter.reset()
        self._dtmf.reset()
        self._complained = False
        self.refresh()

    def refresh(self):
        """Read the registers that the path depends on, after any of them changed."""
        chip = self._chip
        enabled = bool(chip.get("PCME"))
        if enabled and chip.get("PCMF") != LINEAR and not self._complained:
            chip.breach("reg 1 PCMF", "only 16-bit linear PCM is modelled")
            self._complained = True
        self._loopback = enabled and bool(chip.get("DLM"))
        state = chip.get("LFS")
        self._on = enabled and (state in OHT or (state in ACTIVE and bool(chip.get("LCR"))))
        self._rx_gain = 0.0 if chip.get("RXM") else _gain(chip.indirect["DACG"]) * ANALOG_GAIN[chip.get("ARX")]
        self._tx_gain = 0.0 if chip.get("TXM") else _gain(chip.indirect["ADCG"]) * ANALOG_GAIN[chip.get("ATX")]

    def block(self, rx):
        """The 10 ms that end now: int16[80] from the PCM bus in, int16[80] for it out."""
        end = self._chip.clock.now // SAMPLE
        tx = self._converse(rx, end - BLOCK) if self._on else self._rest()
        for oscillator in self._chip.oscillators:
            oscillator.forget(end)
        return np.array(rx, np.int16) if self._loopback else tx

    def _rest(self):
        """A block without audio."""
        self._filter.reset()
        self._dtmf.reset()
        self._chip.set("VAL", 0)
        self._chip.line.silence()
        return np.zeros(BLOCK, np.int16)

    def _converse(self, rx, first):
        sent = rx * self._rx_gain
        tones = None
        for oscillator in self._chip.oscillators:
            if oscillator.sounds:
                tones = np.zeros(BLOCK) if tones is None else tones
                oscillator.render(first, tones, sent)
        captured = self._capture(first, _saturate(sent))
        if tones is not None:
            captured += tones
        self._receive_digits(captured)
        return np.rint(_saturate(captured)).astype(np.int16)

    def _capture(self, first, sent):
        """What the line gives back, high-passed and amplified; leaves its parts on the line for a meter."""
        line, parts = self._chip.line, self._filter.input
        echo, near = line.exchange(first, sent)
        parts[:, 0] = echo
        parts[:, 1] = 0.0 if near is None else near
        parts = (self._filter.run() * self._tx_gain).T
        line.last_echo, line.last_near = parts
        return parts[0] + parts[1]

    def _receive_digits(self, captured):
        chip, receiver = self._chip, self._dtmf
        before = receiver.present
        if receiver.block(captured):
            chip.set("DIG", receiver.digit)
            chip.set("VAL", 1)
            chip.interrupt("DTMFP")
        elif before and not receiver.present:
            chip.set("VAL", 0)


def _gain(value):
    return (value >> 4) / UNITY


def _saturate(samples):
    return np.minimum(np.maximum(samples, -32768.0), 32767.0)
