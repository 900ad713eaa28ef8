"""How much later speech of a GSM phone leaves the box than it came, in every direction that there is.

From the first burst of a speech block, or the arrival of an RTP packet, or a sample on the line, to the same at the
other side: the codec's and the packet's own 20 ms are in it where the box must wait for them.
"""

import numpy as np

from femtohost.emulator import Emulator
from femtohost.full_rate import FullRate
from femtohost.gsm_taps import PT_GSM, GsmTaps, placed
from femtohost.measure.delay import find_delay
from femtohost.models.gsm_frames import VOICE_F
from femtohost.speech import speech_like
from femtohost.taps import RATE, CallTaps, to_int16

IMSI = "00101000000000{}"
SETUP_S = 30
TALK_S = 5  # the first of a call: later it is no longer
PHASE_S = 0.0073  # between the calls: every clock's phase to every other comes up
LINE, PHONE, ELSEWHERE = "100", "202", "5550123"
WAYS = ("phone-phone", "phone-sip", "sip-phone", "phone-line", "line-phone")


def measure_delays(calls=4, seed=1, progress=lambda done, of: None):
    """{way of WAYS: ms of each of `calls` calls, None where nothing was heard}."""
    found = {way: [] for way in WAYS}
    for i in range(calls):
        for j, number in enumerate((PHONE, ELSEWHERE, LINE)):
            for way, delay in _call(number, seed + i, i * PHASE_S).items():
                found[way].append(delay)
            progress(3 * i + j + 1, 3 * calls)
    return found


def _call(number, seed, phase_s):
    """{way: ms} of one call of phone 201."""
    box = Emulator(seed, {"gsm": {"enabled": True}}, keep_trace=False)
    phones = [box.gsm.add(IMSI.format(i + 1)) for i in range(2 if number == PHONE else 1)]
    taps = _AirTaps(box)
    for phone in phones:
        phone.power_on()
        box.run_until(lambda phone=phone: phone.registered and phone.state == "idle", SETUP_S)
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", SETUP_S)
    phones[0].dial(number)
    rng = np.random.default_rng([seed, 0xDE1])
    said = [speech_like(TALK_S, rng, voice) for voice in ("low", "high")]
    {PHONE: _by_phone, ELSEWHERE: _by_sip, LINE: _by_line}[number](box, phones, phase_s, said[1])
    phones[0].talk(FullRate().encode(said[0]))
    box.run_for(TALK_S)
    return {way: _ms(find_delay(*signals, steady=False)) for way, signals in taps.ways(number).items()}


def _ms(samples):
    return None if samples is None else round(samples * 1000 / RATE, 1)


def _until_talking(box, phones, condition=lambda: True):
    box.run_until(lambda: condition() and all(phone.call_state == "ACTIVE" for phone in phones), SETUP_S)


def _by_phone(box, phones, phase_s, said):
    box.run_until(lambda: phones[1].call_state == "RINGING", SETUP_S)
    box.run_for(phase_s)
    phones[1].answer()
    _until_talking(box, phones)
    phones[1].talk(FullRate().encode(said))


def _by_sip(box, phones, phase_s, said):
    box.run_until(lambda: box.far.state == "ringing", SETUP_S)
    box.run_for(phase_s)
    box.far.answer()
    _until_talking(box, phones, lambda: box.far.state == "in-call")
    box.far.talk(said, start_after_s=0, loop=False)


def _by_line(box, phones, phase_s, said):
    box.run_until(lambda: box.phone.ringing, SETUP_S)
    box.run_for(phase_s)
    box.phone.off_hook()
    _until_talking(box, phones, lambda: box.state("call") == "TALKING")
    box.phone.talk(said, loop=False)


class _AirTaps(GsmTaps):
    """Also tells phones apart: a frame is of the traffic channel that was used first, or of the second."""

    def __init__(self, box):
        self._channels = []
        self._air = {}
        super().__init__(box)

    def _on_frame(self, frame):
        if frame.channel != VOICE_F:
            return
        channel = frame.arfcn, frame.tn
        if channel not in self._channels:
            self._channels.append(channel)
        key = self._channels.index(channel), frame.uplink
        self._air.setdefault(key, []).append((self._box.clock.now, PT_GSM, frame.payload[1:]))

    def ways(self, number):
        """{way: (what came, what left)} of a call of the first phone to `number`."""
        length = round(self._box.time_s * RATE)

        def air(phone, uplink):
            return placed(self._air.get((phone, uplink), []), length)

        if number == PHONE:
            return {"phone-phone": (air(0, True), air(1, False))}
        if number == ELSEWHERE:
            rtp = self.signals()
            return {"phone-sip": (air(0, True), rtp["sout"]), "sip-phone": (rtp["rin"], air(0, False))}
        line = {"said": self._signal("near", np.float64), "played": CallTaps.signals(self)["rout"]}
        trim = {name: np.resize(to_int16(signal), length) for name, signal in line.items()}
        return {"phone-line": (air(0, True), trim["played"]), "line-phone": (trim["said"], air(0, False))}
