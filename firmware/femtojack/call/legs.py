"""The near ends of a call: the telephone on its line, and the PC with its sound card.

A near end has `audio`, its leg of the bridge (femtojack.voice.bridge), and `tone(name, now)`.
"""

from micropython import const

from femtojack.call.control import STATES
from femtojack.line.fxs import OFF_HOOK, ON_HOOK, OPENED, RINGING
from femtojack.ticks import ticks_diff
from femtojack.usb import hid

_TELL_MS = const(20)  # between two writings of the status
_MOST_DIGITS = const(32)

_DONE = const(0)  # femtojack.usb.hid, octet 3
_REFUSED = const(1)
_UNKNOWN = const(2)


class LineLeg:
    """The telephone: `port` is femtojack.line.fxs.Port, `audio` femtojack.voice.path.VoicePath."""

    def __init__(self, port, audio):
        self.port, self.audio = port, audio

    @property
    def on_hook(self):
        return self.port.state == ON_HOOK

    @property
    def off_hook(self):
        return self.port.state in (OFF_HOOK, OPENED)

    def tone(self, name, now):
        self.port.tone(name, now)


class PcLeg:
    """The PC: its hook and its wishes come by HID, its audio is the sound card; it sees, not hears, how a call stands.

    `device` is femtojack.usb.device.Device, or None on a board without USB: then nothing happens here. `loader` is
    femtojack.usb.loader.Loader, or None on a board without a flash.
    """

    def __init__(self, device, loader=None):
        self._device, self._loader = device, loader
        self.audio = device.card if device else None
        self._control = self._line = self._agent = None
        self._indicators = 0
        self._was_streaming = False
        self._result = _DONE
        self._taken = 0
        self._told = None
        self._commands = (None, self._dial, self._answer, self._hang_up, self._loopback)
        if loader:
            self._commands += loader.commands

    def bind(self, control, line, agent):
        """`control` is femtojack.call.control.Control, `line` the other near end, `agent` tells of the registration."""
        self._control, self._line, self._agent = control, line, agent

    # -- what the call control asks for -------------------------------------------------------------------------------

    @property
    def streaming(self):
        """A program on the PC plays or records."""
        return self.audio is not None and self.audio.streaming

    def tone(self, name, now):
        pass

    def key(self, key):
        """The telephone dialled `key`."""
        if self._device:
            self._device.telephone.key(key)

    def flash(self):
        if self._device:
            self._device.telephone.flash()

    # -- step -----------------------------------------------------------------------------------------------------

    def step(self, now):
        """Do what the PC asks for, and tell it how things stand."""
        if self._device is None:
            return
        self._device.telephone.hook(self._line.off_hook)
        self._watch_indicators(now)
        self._watch_audio(now)
        command = self._device.telephone.take_command()
        if command:
            self._obey(command, now)
        if self._told is None or ticks_diff(now, self._told) >= _TELL_MS:
            self._told = now
            self._tell()

    def _watch_indicators(self, now):
        shown = self._device.telephone.indicators
        changed = shown ^ self._indicators
        if not changed:
            return
        self._indicators = shown
        if changed & hid.RING:
            self._control.pc_ring(bool(shown & hid.RING), now)
        if changed & hid.OFF_HOOK:
            if shown & hid.OFF_HOOK:
                self._control.pc_answer(now)
            else:
                self._control.pc_on_hook(now)
        if self.audio:
            self.audio.muted = bool(shown & hid.MUTE)

    def _watch_audio(self, now):
        streaming = self.streaming
        if streaming != self._was_streaming:
            self._was_streaming = streaming
            self._control.pc_audio(streaming, now)

    # -- commands of the feature report -----------------------------------------------------------------------------

    def _obey(self, command, now):
        number = command[0]
        if number == 0:
            return
        self._taken += 1
        if number >= len(self._commands):
            self._result = _UNKNOWN
        else:
            self._result = _DONE if self._commands[number](command[1:], now) else _REFUSED
        self._told = None

    def _dial(self, operand, now):
        number = "".join([chr(c) for c in operand]).split("\0")[0]
        if not 0 < len(number) <= _MOST_DIGITS or not all(c in "0123456789*#" for c in number):
            return False
        return self._control.pc_dial(number, now)

    def _answer(self, operand, now):
        return self._control.pc_answer(now)

    def _hang_up(self, operand, now):
        return self._control.pc_on_hook(now)

    def _loopback(self, operand, now):
        if self.audio is None or operand[0] > 1:
            return False
        self.audio.loopback = bool(operand[0])
        return True

    # -- status -----------------------------------------------------------------------------------------------------

    def _tell(self):
        device, card = self._device, self.audio
        storage, drive = device.storage, device.drive
        counters = (storage.commands, storage.errors, drive.blocks_read)
        if card:
            counters += (card.played, card.repeated, card.dropped, card.captured, card.lost)
        state = STATES.index(self._control.state)
        update = self._loader.report() if self._loader else b""
        device.telephone.tell(self._flags(), state, self._result, self._taken, counters, update)

    def _flags(self):
        facts = (
            self._line.off_hook,
            self._line.port.state == RINGING,
            self._agent.registered,
            self.streaming,
            self.audio is not None and self.audio.loopback,
            bool(self._indicators & hid.MUTE),
            self._device.drive.present,
        )
        return sum([1 << i for i, fact in enumerate(facts) if fact])
