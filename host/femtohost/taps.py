"""What a run looks like from outside: signals, states and SIP, gathered while it goes on."""

import numpy as np

RATE = 8000
BLOCK = 80

# Trace point -> track of the report, and its state at power-on
TRACKS = {"fxs": ("line", "DOWN"), "call": ("call", "IDLE")}
LINEFEEDS = (
    "open", "forward active", "on-hook transmission", "tip open",
    "ringing", "reverse active", "reverse on-hook transmission", "ring open",
)  # fmt: skip


class CallTaps:
    """Observes a box from now on. Signals are int16 at 8 kHz from power-on; silence before the first block."""

    def __init__(self, box):
        self._box = box
        self._blocks = {name: [] for name in ("rin", "rout", "sin", "sout", "echo", "near")}
        self._sip = []
        self._changes = []
        self._last = {}
        box.board.pcm.on_block.append(self._on_block)
        box.board.voice.on_process.append(self._on_process)
        box.network.taps.append(self._on_datagram)

    def _on_block(self, played, captured):
        line = self._box.line
        self._blocks["rin"].append(played)
        self._blocks["rout"].append(np.array(line.last_sent))
        self._blocks["sin"].append(captured)
        self._blocks["echo"].append(line.last_echo.copy())
        self._blocks["near"].append(line.last_near.copy())
        self._blocks["sout"].append(None)
        self._note("linefeed", LINEFEEDS[self._box.slic.feed.state])
        self._note("ring", "ringing" if self._box.phone.ringing else "silent")

    def _note(self, track, state):
        if self._last.get(track) != state:
            self._last[track] = state
            self._changes.append({"t": self._box.time_s, "track": track, "state": state})

    def _on_process(self, rin, sin, sout):
        self._blocks["sout"][-1] = np.frombuffer(sout, np.int16).copy()

    def _on_datagram(self, time, source, destination, data):
        if not data[:1].isalpha():
            return
        text = data.decode("utf-8", "replace")
        side = "box" if source[:4] == self._box.board.address else "far"
        self._sip.append({"t": time / 1e9, "source": side, "first": text.split("\r\n", 1)[0], "text": text})

    # -- signals --------------------------------------------------------------------------------------------------

    def _signal(self, name, dtype=np.int16):
        silence = np.zeros(BLOCK, dtype)
        return np.concatenate([silence if block is None else block for block in self._blocks[name]] or [silence[:0]])

    def signals(self):
        """rin, rout, sin, sout: int16 arrays of one length."""
        return {name: to_int16(self._signal(name)) for name in ("rin", "rout", "sin", "sout")}

    def _cancelled(self, name):
        """`name` where the canceller ran, zeros elsewhere."""
        ran = np.repeat([block is not None for block in self._blocks["sout"]], BLOCK)
        return self._signal(name, np.float64) * ran

    def echo(self):
        """The echo component of Sin, float, while the canceller ran."""
        return self._cancelled("echo")

    def near(self):
        """The near talker's and the line noise's part of Sin."""
        return self._cancelled("near")

    def sout(self):
        return self._signal("sout").astype(np.float64)

    # -- signalling -----------------------------------------------------------------------------------------------

    def ladder(self):
        """[{t, source, first, text}] of every SIP message."""
        return self._sip

    def digits(self):
        """The number as the firmware understood it; None if nothing was dialled."""
        numbers = self._box.trace.find("call.number")
        return numbers[-1][1].decode() if numbers else None

    def setup_ms(self):
        """From the complete digit map (or the first INVITE) to the ringing at the other end, in ms."""
        begun = [time for time, _ in self._box.trace.find("call.number")]
        begun = begun or [round(m["t"] * 1e9) for m in self._sip if m["first"].startswith("INVITE ")]
        ringing = [m["t"] for m in self._sip if m["first"].startswith("SIP/2.0 180")]
        return round(ringing[0] * 1e3 - begun[0] / 1e6, 3) if begun and ringing else None

    def states(self):
        """[{t, track, state}]: hook, linefeed, ring, line and call, each until the next on its track."""
        states = [{"t": 0.0, "track": "hook", "state": "on-hook"}, *self._changes]
        for action in self._box.recorder.actions:
            if action["do"] in ("phone.off_hook", "phone.on_hook"):
                state = action["do"].removeprefix("phone.").replace("_", "-")
                states.append({"t": action["t"] / 1e9, "track": "hook", "state": state})
        for point, (track, first) in TRACKS.items():
            states.append({"t": 0.0, "track": track, "state": first})
            for time, data in self._box.trace.find(point):
                states.append({"t": time / 1e9, "track": track, "state": data.decode().split(">")[1]})
        return states


def to_int16(samples):
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
