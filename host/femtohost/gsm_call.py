"""The same job for a GSM phone: one call between it and a SIP far end, or the telephone on the line.

By SIP the near talker is at the GSM phone. On the line the near talker stays at the telephone, whose echo is measured,
and the far talker is at the GSM phone.
"""

import time

import numpy as np

from femtohost import voice
from femtohost.call import DIAL_PLAN, FAR_STARTS_S, RING_S, CallRun, capturing, hang_up, rounded, talkers, words_of
from femtohost.emulator import Emulator
from femtohost.full_rate import FullRate
from femtohost.gsm_taps import GsmTaps
from femtohost.measure.delay import find_delay
from femtohost.measure.echo import echo_figures
from femtohost.taps import RATE, CallTaps
from femtojack.config import validate

IMSI = "001010000000001"
FRAME = 160  # samples of a full rate frame
STEP_S = 0.5


def make_gsm_call(options, progress=lambda done, of: None):
    """Make the call of `options` (femtohost.call.CallOptions); its CallRun. Errors as femtohost.call.make_call's."""
    near, far = talkers(options)
    begin = time.perf_counter()
    suppress = {"nlp": options.nlp, "comfort_noise": options.nlp}
    config = {"line": {"dial_plan": DIAL_PLAN}, "voice": suppress, "gsm": {"enabled": True}}
    box = Emulator(
        options.seed, config, path=options.path, erl_db=options.erl, noise_dbm0=options.line_noise,
        keep_trace=options.keep_trace, target=options.target,
    )  # fmt: skip
    with box, capturing(box, options.capture):
        phone = box.gsm.add(IMSI)
        phone.power_on()
        box.run_until(lambda: box.state("fxs") == "ON_HOOK" and phone.registered and phone.state == "idle", 30)
        kind = LineCall if options.gsm == "line" else SipCall
        return kind(box, phone, options).make(near, far, progress, begin)


class _GsmCall:
    """From the first digit to the figures. `setup` is in ns: the call begins, and rings at the other end."""

    def __init__(self, box, phone, options):
        self.box, self.phone, self.options = box, phone, options
        self.phone_number = box.app.gsm("phones")[0]["number"]

    def make(self, near, far, progress, begin):
        box = self.box
        taps = self.tap()
        started = box.clock.now
        (self.incoming if self.options.incoming else self.outgoing)()
        setup = (self.rang - started) / 1e6
        self.converse(near, far, progress)
        more = self.measure()
        self.end()
        return self.finish(taps, {"setup_ms": setup, **more}, time.perf_counter() - begin)

    def note_ringing(self, condition):
        self.box.run_until(condition, timeout_s=60)
        self.rang = self.box.clock.now

    def until_talking(self, *conditions):
        phone = self.phone
        self.box.run_until(lambda: phone.call_state == "ACTIVE" and all(condition() for condition in conditions), 60)

    def converse(self, near, far, progress):
        box, seconds = self.box, self.options.seconds
        begin = box.clock.now
        box.run_for(FAR_STARTS_S)
        self.talk(near, far)
        for i in range(1, int(seconds / STEP_S) + 1):
            box.run_to(begin + round(i * STEP_S * 1e9))
            progress(i * STEP_S, seconds)
        box.run_to(begin + round((seconds + FAR_STARTS_S) * 1e9))

    def finish(self, taps, more, wall):
        box, options = self.box, self.options
        call = {"direction": "in" if options.incoming else "out", "gsm": options.gsm, **words_of(options)}
        call |= self.figures(taps) | more
        call |= {
            "virtual_s": round(box.time_s, 3), "wall_s": round(wall, 3), "speed": round(box.time_s / wall, 1),
            "trace_sha256": box.trace.sha256(), "misuse": [m.as_dict() for m in box.misuse],
            "sip_final_status": box.far.final_status, "gsm_cause": self.phone.call.cause,
        }  # fmt: skip
        return CallRun(
            call=rounded(call), signals=taps.signals(), sip=taps.ladder(), states=taps.states(), seed=options.seed,
            command=options.command(), box=box, **self.paths(taps),
        )  # fmt: skip


class SipCall(_GsmCall):
    """Near at the GSM phone, far by SIP."""

    def tap(self):
        self.taps = GsmTaps(self.box)
        return self.taps

    def outgoing(self):
        self.phone.dial(self.options.number)
        self.note_ringing(lambda: self.box.far.state == "ringing")
        self.until_talking(lambda: self.box.far.state == "in-call")

    def incoming(self):
        self.box.far.number = self.options.number
        self.box.far.call(self.phone_number)
        self.note_ringing(lambda: self.phone.call_state == "RINGING")
        self.box.run_for(RING_S)
        self.phone.answer()
        self.until_talking(lambda: self.box.far.state == "in-call")

    def talk(self, near, far):
        self.box.far.talk(far, start_after_s=0, loop=False)
        self.phone.talk(encoded(near))

    def measure(self):
        """Delay through the box, codec and all: Um to the uplink, and back."""
        signals = self.taps.signals()
        up, down = (find_delay(signals[a], signals[b], steady=False) for a, b in (("sin", "sout"), ("rin", "rout")))
        return {"delay_up_ms": ms(up), "delay_down_ms": ms(down), **self.taps.counters()}

    def end(self):
        self.phone.hang_up()
        self.box.run_until(lambda: self.box.far.state == "ended" and self.phone.state == "idle", 40)

    def figures(self, taps):
        return {"digits": self.phone.call.number if self.options.incoming else self.box.far.dialled}

    def paths(self, taps):
        return {"erle": (np.zeros(0), np.zeros(0)), "true_path": None, "learnt_path": None}


class LineCall(_GsmCall):
    """Near at the telephone on the line, far at the GSM phone."""

    def tap(self):
        return CallTaps(self.box)

    def outgoing(self):
        self.box.phone.off_hook()
        self.box.phone.dial(self.phone_number + "#")
        self.note_ringing(lambda: self.phone.call_state == "RINGING")
        self.box.run_for(RING_S)
        self.phone.answer()
        self.until_talking(lambda: self.box.state("call") == "TALKING")

    def incoming(self):
        self.phone.dial(validate({})["gsm"]["line_number"])
        self.note_ringing(lambda: self.box.phone.ringing)
        self.box.run_for(RING_S)
        self.box.phone.off_hook()
        self.until_talking(lambda: self.box.state("call") == "TALKING")

    def talk(self, near, far):
        self.phone.talk(encoded(far))
        self.box.phone.talk(near, loop=False)

    def measure(self):
        self._learnt = np.asarray(voice.path(self.box.board.voice.states[0]))
        return {}

    def end(self):
        hang_up(self.box, lambda: self.phone.state == "idle")

    def figures(self, taps):
        found = self._found = echo_figures(taps.echo(), taps.near(), taps.sout())
        return {
            "taps": len(self._learnt), "digits": taps.digits() or self.phone.call.number,
            "erle_db": found.erle_db, "t20_s": found.t20_s, "t30_s": found.t30_s, "residual_dbm0": found.residual_dbm0,
        }  # fmt: skip

    def paths(self, taps):
        erle = self._found.times, self._found.erle
        return {"erle": erle, "true_path": self.box.echo_path, "learnt_path": self._learnt}


def encoded(samples):
    """Full rate frames of int16 samples; the last one is filled up with silence."""
    return FullRate().encode(np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.int16)]))


def ms(samples):
    return None if samples is None else samples * 1000 / RATE
