"""The flash chip as a serprog programmer over TCP, for flashrom.

Source: flashrom's "Serial Flasher Protocol Specification", version 1. Numbers are little-endian, lengths have 24 bits,
0 as a maximum means 2**24. One session at a time, the next one waits. The box is held in reset while it lasts, and WP
is high, as when a programmer's clip sits on the chip.
"""

import time

from femtohost.bridges.stream import ProtocolError, Stream, accept, listen
from femtohost.clock import US
from femtohost.errors import UserError
from femtohost.misuse import MisuseLog
from femtohost.models.nor import READ_STATUS, W25Q128

ACK, NAK = b"\x06", b"\x15"
BUS_SPI = 8
NAME = b"femtojack"
BUFFER = 0xFFFF  # what the client may send ahead: TCP holds it
LONGEST_WRITE, LONGEST_READ = 1 << 16, 1 << 16  # octets of one SPI operation
OCTET_TIME = 400  # ns: SPI at 20 MHz
FRAME_TIME = 50 * US  # between two frames
TIMINGS = ("bus", "real")

NOP, VERSION, COMMANDS, PROGRAMMER, SERIAL_BUFFER, BUS_TYPES = range(6)
OPERATION_BUFFER, LONGEST_WRITE_IS, SYNC, LONGEST_READ_IS, SET_BUS, SPI = 0x07, 0x08, 0x10, 0x11, 0x12, 0x13
START, DELAY, EXECUTE = 0x0B, 0x0E, 0x0F
PARAMETERS = {SET_BUS: 1, SPI: 6, DELAY: 4}  # octets after the command


def check_timing(text):
    """UserError unless it is one of TIMINGS."""
    if text not in TIMINGS:
        raise UserError(f"--serprog-timing {text}: there are {' and '.join(TIMINGS)}")


class BusClock:
    """Time on the bus: what its frames take. A status poll that finds the chip busy lets it finish."""

    def __init__(self):
        self.now = 0

    def passed(self, chip, command, octets):
        """A frame of `octets` has been clocked."""
        self.now += FRAME_TIME + octets * OCTET_TIME
        if command in READ_STATUS:
            self.now = max(self.now, chip.busy_until)


class WallClock:
    """Time as it passes."""

    @property
    def now(self):
        return time.monotonic_ns()

    def passed(self, chip, command, octets):
        """It passes by itself."""


class SerprogServer:
    """Listens on `host`:`port` (0: any) for the flash chip of `gateway`. `timing`: one of TIMINGS.

    OSError: the port cannot be had. `refused` counts the sessions that were dropped for what they sent.
    """

    def __init__(self, gateway, host, port, timing="bus"):
        self._gateway, self._timing = gateway, timing
        self._session = None
        self._closing = False
        self.refused = 0
        self._listener = listen(host, port, "--serprog")
        self.address = "{}:{}".format(*self._listener.getsockname()[:2])
        gateway.loop.watch(self._listener, self._accept)

    def _accept(self):
        client = accept(self._listener)
        if client is None:
            return
        self._gateway.loop.unwatch(self._listener)  # others wait in its queue
        self._gateway.hold()
        clock = BusClock() if self._timing == "bus" else WallClock()
        chip = W25Q128(clock, MisuseLog(clock), self._gateway.flash.silicon)
        chip.wp(1)
        self._session = Session(self, self._gateway.loop, client, chip, clock)

    def ended(self, chip):
        """The session is over: the box boots, and the next client is served."""
        self._session = None
        chip.finish()
        self._gateway.release()
        if not self._closing:
            self._gateway.loop.watch(self._listener, self._accept)

    def close(self):
        self._closing = True
        if self._session:
            self._session.drop()
        else:
            self._gateway.loop.unwatch(self._listener)
        self._listener.close()


class Session(Stream):
    """One client with the chip in its clip."""

    def __init__(self, server, loop, client, chip, clock):
        self._server, self._chip, self._clock = server, chip, clock
        self._answers = {
            NOP: ACK, VERSION: ACK + b"\1\0", PROGRAMMER: ACK + NAME.ljust(16, b"\0"),
            SERIAL_BUFFER: ACK + BUFFER.to_bytes(2, "little"), BUS_TYPES: ACK + bytes((BUS_SPI,)),
            LONGEST_WRITE_IS: ACK + LONGEST_WRITE.to_bytes(3, "little"), SYNC: NAK + ACK,
            LONGEST_READ_IS: ACK + LONGEST_READ.to_bytes(3, "little"),
        }  # fmt: skip
        if isinstance(clock, BusClock):  # else the client does its waiting itself
            buffer = BUFFER.to_bytes(2, "little")
            self._answers |= {OPERATION_BUFFER: ACK + buffer, START: ACK, DELAY: ACK, EXECUTE: ACK}
        known = sum(1 << command for command in (*self._answers, COMMANDS, SET_BUS, SPI))
        self._answers[COMMANDS] = ACK + known.to_bytes(32, "little")
        super().__init__(loop, client)

    def _refused(self):
        self._server.refused += 1

    def _ended(self):
        self._server.ended(self._chip)

    def _take(self):
        if not self._input:
            return False
        command = self._input[0]
        end = 1 + PARAMETERS.get(command, 0)
        if len(self._input) < end:
            return False
        if command == SPI:
            return self._take_operation()
        parameters = bytes(self._input[1:end])
        del self._input[:end]
        if command == SET_BUS:
            self._send(ACK if parameters[0] & BUS_SPI else NAK)
        else:
            self._send(self._answers.get(command, NAK))
        return True

    def _take_operation(self):
        out, back = (int.from_bytes(self._input[i : i + 3], "little") for i in (1, 4))
        if out > LONGEST_WRITE or back > LONGEST_READ:
            raise ProtocolError
        if len(self._input) < 7 + out:
            return False
        octets = bytes(self._input[7 : 7 + out])
        del self._input[: 7 + out]
        self._send(ACK, self._clock_through(octets, back))
        return True

    def _clock_through(self, octets, back):
        """One frame: `octets` out, then `back` octets in."""
        answer = bytearray(len(octets) + back)
        self._chip.cs(0)
        self._chip.transfer(octets + bytes(back), answer)
        self._chip.cs(1)
        self._clock.passed(self._chip, octets[0] if octets else None, len(answer))
        return answer[len(octets) :]
