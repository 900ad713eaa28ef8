"""The firmware in an interpreter of its own: the Board contract over a pair of pipes, in virtual time.

boards/unix is the other end; its pipe.py says what the frames are. What the firmware asks of its board is done by the
same femtohost.board as in process, in the same order, so that the traces are equal.
"""

import json
import os
import select
import struct
import subprocess
import tempfile
import weakref
from array import array
from operator import attrgetter

from femtohost.errors import BoardLost
from femtohost.targets import interpreter
from femtohost.targets.pipe_usb import RemoteUsb, RemoteUsbAudio

PINS = ("cs_slic", "reset_slic", "nor.cs", "nor.wp")
KEY, SIGNATURE = 32, 64  # octets, Ed25519
HEAD = 5
BLOCK_OCTETS = 160
HALVE_PAST = 38  # samples
LARGEST_MESSAGE = 263  # octets, of the GSM baseband
GSM_SAMPLES, GSM_OCTETS = 160, 33
PATIENCE_S = 600  # of wall-clock time for one answer; a machine under load is slow, not lost
TOLD = 4000  # octets of the interpreter's last words


class Pipe:
    """Frames to and from one child process. BoardLost when it is gone or does not answer."""

    def __init__(self, command, environment):
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the child)
        child_reads, self._out = os.pipe()
        self._in, child_writes = os.pipe()
        self.process = subprocess.Popen(
            [*command, str(child_reads), str(child_writes)],
            env=environment, stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words,
            pass_fds=(child_reads, child_writes), start_new_session=True,
        )  # fmt: skip
        os.close(child_reads)  # a copy left open here would hide its death
        os.close(child_writes)
        self._input = bytearray()
        self._output = bytearray()
        self.close = weakref.finalize(self, _end, self.process, self._in, self._out, self._words)

    def post(self, op, *parts):
        """Send a frame with the next one that is flushed."""
        self._output += struct.pack("<BI", op[0], sum(map(len, parts)))
        for part in parts:
            self._output += part

    def flush(self):
        try:
            while self._output:
                del self._output[: os.write(self._out, self._output)]
        except OSError:
            raise self.lost("its pipe is closed") from None

    def read(self):
        """The next frame: (operation, payload)."""
        while len(self._input) < HEAD:
            self._fill()
        op, length = struct.unpack_from("<BI", self._input)
        end = HEAD + length
        while len(self._input) < end:
            self._fill()
        payload = bytes(self._input[HEAD:end])
        del self._input[:end]
        return op, payload

    def _fill(self):
        if not select.select([self._in], [], [], PATIENCE_S)[0]:
            raise self.lost(f"no answer for {PATIENCE_S} s")
        data = os.read(self._in, 1 << 16)
        if not data:
            raise self.lost("it ended")
        self._input += data

    def lost(self, why):
        """The BoardLost to raise: why, the exit status, and what the interpreter said last."""
        try:
            status = self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._words.seek(0)
        said = self._words.read()[-TOLD:].decode(errors="replace").strip()
        return BoardLost(f"the firmware's interpreter is lost: {why} (status {status}){said and chr(10) + said}")


def _end(process, *files):
    for file in files:
        os.close(file) if isinstance(file, int) else file.close()
    process.kill()
    process.wait()


class RemoteApp:
    """femtojack.app.App as its Processor sees it; the real one runs in the interpreter.

    `heap`: octets of the interpreter's heap, None for its default. UserError: no interpreter here.
    BoardLost, from here and from every method: the interpreter ended or does not answer.
    """

    def __init__(self, board, heap=None):
        self._board = board
        self._sockets = []
        self._l1_told = 0  # messages up that the interpreter has and its firmware has not taken yet
        usb = RemoteUsb(board.usb, self._command)
        self._handlers = {
            ord("t"): self._trace, ord("p"): self._pin, ord("x"): self._exchange, ord("u"): self._send,
            ord("c"): self._close_socket, ord("g"): self._about, ord("s"): self._spi, ord("o"): self._open,
            ord("e"): self._entropy, ord("w"): self._wait, ord("v"): RemoteVoice(board.voice).call,
            ord("k"): usb.call, ord("n"): RemoteUsbAudio(board.usb_audio).call, ord("b"): self._blocks,
            ord("m"): self._store, ord("l"): self._l1, ord("j"): self._take_l1, ord("y"): self._reset,
            ord("h"): self._light, ord("f"): self._flash, ord("q"): self._verify,
        }  # fmt: skip
        self.pipe = Pipe(*interpreter.command(heap))
        self._serve(ord("r"))

    # -- what the processor and the gateway ask of an App -----------------------------------------------------------

    def step(self, now):
        self._post_inputs()
        deadline = self._command(b"S", struct.pack("<I", now))
        return struct.unpack("<I", deadline)[0] if deadline else None

    def shut_down(self, now):
        self._command(b"H", struct.pack("<I", now))

    def loopback(self, on):
        return bool(self._command(b"L", bytes((on,)))[0])

    def load(self, command, now):
        answer = self._command(b"F", struct.pack("<I", now), command)
        return bool(answer[0]) if answer else None

    def gsm(self, do, number="", text=""):
        return json.loads(self._command(b"G", json.dumps((do, number, text)).encode()))

    def status(self):
        """App.status and heap_used, heap_free in octets."""
        return json.loads(self._command(b"Q"))

    def close(self):
        """End the interpreter."""
        self.pipe.close()

    def _command(self, op, *parts):
        self.pipe.post(op, *parts)
        self.pipe.flush()
        return self._serve(ord("d"))

    def _serve(self, end):
        """Do what the firmware asks of its board until frame `end` comes; returns its payload."""
        while True:
            op, payload = self.pipe.read()
            if op == end:
                return payload
            handler = self._handlers.get(op)
            if handler is None:
                raise self.pipe.lost(f"it sent a frame {op} that there is not")
            try:
                answer = handler(payload)
            except (OSError, ValueError) as error:
                self._answer(b"E", struct.pack("<H", getattr(error, "errno", None) or 0))
                continue
            if answer is not None:
                self._answer(b"R", answer)

    def _answer(self, op, payload):
        self.pipe.post(op, payload)
        self.pipe.flush()

    def _post_inputs(self):
        """The snapshot of a step: interrupt pins, the PCM block that is due, the datagrams and messages that wait."""
        board, post = self._board, self.pipe.post
        post(b"I", bytes((board.int_slic.value(),)))
        if board.l1:
            self._post_l1()
        block = board.pcm.due()
        if block is not None:
            post(b"P", block[0].tobytes(), block[1].tobytes())
        for number, socket in enumerate(self._sockets):
            while (datagram := socket.receive()) is not None:
                data, source = datagram
                post(b"U", bytes((number,)), source, data)

    def _post_l1(self):
        l1, post = self._board.l1, self.pipe.post
        post(b"Y", bytes((l1.irq.value(),)))
        waiting = l1.waiting()
        for message in waiting[self._l1_told :]:
            post(b"J", message)
        self._l1_told = len(waiting)

    # -- what the firmware asks of its board ------------------------------------------------------------------------

    def _trace(self, payload):
        end = 1 + payload[0]
        self._board.trace(payload[1:end].decode(), payload[end:])

    def _pin(self, payload):
        attrgetter(PINS[payload[0]])(self._board).value(payload[1])

    def _exchange(self, payload):
        self._board.pcm.exchange(payload, bytearray(BLOCK_OCTETS), bytearray(BLOCK_OCTETS))

    def _send(self, payload):
        self._sockets[payload[0]].send(payload[7:], len(payload) - 7, payload[1:7])

    def _close_socket(self, payload):
        self._sockets[payload[0]].close()

    def _about(self, payload):
        board = self._board
        about = {
            "config": board.config, "address": list(board.address), "usb": board.usb is not None,
            "l1": board.l1 is not None, "nor": board.nor and board.nor.slot_size, "hardware": board.hardware,
            "keys": [key.hex() for key in board.keys],
        }  # fmt: skip
        return json.dumps(about).encode()

    def _spi(self, payload):
        received = bytearray(len(payload))
        self._board.spi_slic.write_readinto(payload, received)
        return bytes((self._board.int_slic.value(),)) + received

    def _reset(self, payload):
        self._board.reset()

    def _light(self, payload):
        self._board.led.value(payload[0])

    def _flash(self, payload):
        received = bytearray(len(payload))
        self._board.nor.spi.write_readinto(payload, received)
        return received

    def _verify(self, payload):
        public, signature, message = payload[:KEY], payload[KEY : KEY + SIGNATURE], payload[KEY + SIGNATURE :]
        return bytes((self._board.crypto.ed25519_verify(public, message, signature),))

    def _open(self, payload):
        self._sockets.append(self._board.udp.open(*struct.unpack("<H", payload)))
        return bytes((len(self._sockets) - 1,))

    def _entropy(self, payload):
        octets = bytearray(*struct.unpack("<H", payload))
        self._board.entropy(octets)
        return octets

    def _wait(self, payload):
        self._board.wait_ms(*struct.unpack("<I", payload))
        self._post_inputs()
        return b""

    def _l1(self, payload):
        """The level of the interrupt after it, and the answer."""
        l1, call, answer = self._board.l1, payload[:1], b""
        if call == b"s":
            answer = bytes((l1.send(payload[1:], len(payload) - 1),))
        elif call == b"w":
            l1.write(*struct.unpack_from("<BH", payload, 1))
        else:
            answer = struct.pack("<H", l1.read(payload[1]))
        return bytes((l1.irq.value(),)) + answer

    def _take_l1(self, payload):
        self._l1_told -= 1
        self._board.l1.recv_into(bytearray(LARGEST_MESSAGE))

    def _blocks(self, payload):
        blocks = self._board.blocks
        if payload[:1] == b"c":
            return struct.pack("<I", blocks.count)
        lba, octets = struct.unpack_from("<II", payload, 1)
        buf = bytearray(octets)
        blocks.read(lba, buf)
        return buf

    def _store(self, payload):
        store = self._board.store
        if payload[:1] == b"g":
            value = store.get(payload[1:].decode())
            return b"" if value is None else b"\1" + value
        end = 2 + payload[1]
        store.put(payload[2:end].decode(), payload[end:])
        return b""


class RemoteVoice:
    """The native voice code for a firmware elsewhere. Its states live here, under the numbers that it gives them."""

    def __init__(self, voice):
        self._voice = voice
        self._states = {}
        self._functions = {
            "z": self._size, "n": self._init, "r": self._reset, "f": self._freeze, "p": self._process,
            "M": self._encoder(voice.ulaw_encode), "m": self._decoder(voice.ulaw_decode),
            "A": self._encoder(voice.alaw_encode), "a": self._decoder(voice.alaw_decode),
            "h": self._halve, "S": self._gsm_size, "N": self._gsm_init, "E": self._gsm_encode, "D": self._gsm_decode,
            "R": self._gsm_receive,
        }  # fmt: skip

    def call(self, payload):
        return self._functions[chr(payload[0])](payload[1:])

    def _size(self, payload):
        return struct.pack("<I", self._voice.ec_size(*struct.unpack("<H", payload)))

    def _init(self, payload):
        number, taps, flags = struct.unpack("<IHB", payload)
        state = self._states[number] = bytearray(self._voice.ec_size(taps))
        self._voice.ec_init(state, taps, flags)
        return b""

    def _state(self, payload):
        return self._states[struct.unpack_from("<I", payload)[0]]

    def _reset(self, payload):
        self._voice.ec_reset(self._state(payload))
        return b""

    def _freeze(self, payload):
        self._voice.ec_freeze(self._state(payload), payload[4])
        return b""

    def _process(self, payload):
        half = 4 + (len(payload) - 4) // 2
        sout = array("h", bytes(half - 4))
        self._voice.ec_process(self._state(payload), array("h", payload[4:half]), array("h", payload[half:]), sout)
        return sout.tobytes()

    def _halve(self, payload):
        out = array("h", bytes(len(payload) // 2 - HALVE_PAST))
        self._voice.pcm_halve(array("h", payload), out)
        return out.tobytes()

    def _gsm_size(self, payload):
        return struct.pack("<I", self._voice.gsm_fr_size())

    def _gsm_init(self, payload):
        number = struct.unpack("<I", payload)[0]
        state = self._states[number] = bytearray(self._voice.gsm_fr_size())
        self._voice.gsm_fr_init(state)
        return b""

    def _gsm_encode(self, payload):
        frame = bytearray(GSM_OCTETS)
        self._voice.gsm_fr_encode(self._state(payload), array("h", payload[4:]), frame)
        return frame

    def _gsm_decode(self, payload):
        return self._gsm_samples(self._voice.gsm_fr_decode, payload, payload[4:])

    def _gsm_receive(self, payload):
        return self._gsm_samples(self._voice.gsm_fr_receive, payload, payload[4:] or None)

    def _gsm_samples(self, decode, payload, frame):
        """What `decode` returned, and the samples."""
        pcm = array("h", bytes(2 * GSM_SAMPLES))
        return bytes((decode(self._state(payload), frame, pcm),)) + pcm.tobytes()

    def _encoder(self, encode):
        def call(payload):
            out = bytearray(len(payload) // 2)
            encode(array("h", payload), out)
            return out

        return call

    def _decoder(self, decode):
        def call(payload):
            out = array("h", bytes(2 * len(payload)))
            decode(payload, out)
            return out.tobytes()

        return call
