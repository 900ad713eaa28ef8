"""Frames to and from the emulator, at the other end of two pipes (femtohost.targets.pipe).

The command line ends with two descriptors: the first brings frames from the host, the second takes frames to it;
stdout and stderr stay the interpreter's own. A frame: operation u8, length u32, payload; all numbers little-endian.

 to the host, no answer       payload
  t  trace                    length of point u8, point, data
  p  pin                      index in PINS u8, level u8
  x  PCM exchange             the block to play, 160 octets
  u  send a datagram          socket u8, endpoint (6 octets), data
  c  close a socket           socket u8
  j  a GSM message is taken   -
  r  the App runs             -
  y  restart                  -
  h  the lamp                 level u8
 to the host, answered by R (the answer) or E (errno u16: OSError; 0: ValueError)
  g  about the board          -                         -> JSON: config, address, usb, l1, nor, keys, hardware
  s  SPI transfer             octets                             -> level of the interrupt pin u8, octets
  f  transfer to the flash    octets                             -> octets
  q  verify Ed25519           public key, signature, message     -> u8
  o  open a UDP port          port u16                           -> socket u8
  e  entropy                  count u16                          -> octets
  w  wait                     ms u32                             -> -
  v  native voice             a letter, arguments                -> see board.Voice
  k  USB device               a letter, arguments                -> see usb_port.UsbDevice
  n  USB audio                a letter, arguments                -> see usb_port.UsbAudio
  b  blocks of the disc       c -> count u32; r, block u32, octets u32 -> the octets
  l  GSM baseband             a letter, arguments                -> see board.Mailbox
  m  store                    g, key -> 1 and the value, or nothing; p, length of key u8, key, value -> -
 from the host
  P  a PCM block is there     captured, ref: 160 octets each
  U  a datagram is there      socket u8, endpoint, data
  I  the interrupt pin        level u8
  Y  the same of the baseband level u8
  J  a GSM message waits      the message
 from the host while the App waits, answered by d
  S  step                     now u32                            -> the deadline u32, or nothing
  H  shut down                now u32                            -> -
  Q  how are you              -                                  -> JSON: App.status and the heap
  F  load firmware            now u32, command of the report     -> whether it was done u8, nothing if it is unknown
  G  App.gsm                  JSON: do, number, text             -> JSON: what it returned
  L  USB loopback             on u8                              -> whether there is a sound card u8
  K  USB callback             which u8, arguments                -> see usb_port.UsbDevice
"""

import struct
import sys

_HEAD = 5
_BUFFER = 4096  # octets of frames not yet written; a larger frame goes alone


class Pipe:
    """Frames to the host that need no answer wait for one that does.

    `inputs` and `commands` say what to do with frames from the host: operation -> function(payload); what a command
    returns, octets, is its answer.
    """

    def __init__(self):
        self._in = open(int(sys.argv[-2]), "rb")  # noqa: SIM115 (open for ever)
        self._out = open(int(sys.argv[-1]), "wb")  # noqa: SIM115
        self.inputs = {}
        self.commands = {}
        self._head = bytearray(_HEAD)
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._used = 0

    def post(self, op, *parts):
        """Send a frame some time before the next answer is asked for."""
        length = 0
        for part in parts:
            length += len(part)
        if self._used + _HEAD + length > _BUFFER:
            self.flush()
        if _HEAD + length > _BUFFER:
            self._write(struct.pack("<BI", ord(op), length))
            for part in parts:
                self._write(part)
            return
        struct.pack_into("<BI", self._buffer, self._used, ord(op), length)
        self._used += _HEAD
        for part in parts:
            self._view[self._used : self._used + len(part)] = part
            self._used += len(part)

    def flush(self):
        self._write(self._view[: self._used])
        self._used = 0

    def _write(self, data):
        sent = 0
        while sent < len(data):
            sent += self._out.write(data[sent:] if sent else data)

    def ask(self, op, *parts):
        """Send a frame and return the payload of its answer; OSError where the host says so."""
        self.post(op, *parts)
        self.flush()
        while True:
            op, payload = self.read()
            if op == b"R":
                return payload
            if op == b"E":
                number = struct.unpack("<H", payload)[0]
                raise OSError(number) if number else ValueError
            self.take(op, payload)

    def take(self, op, payload):
        """Do what the frame asks."""
        if op in self.commands:
            self.post("d", self.commands[op](payload))
            self.flush()
        else:
            self.inputs[op](payload)

    def read(self):
        """The next frame: (operation, payload)."""
        self._fill(self._head)
        op, length = struct.unpack("<BI", self._head)
        payload = bytearray(length)
        self._fill(payload)
        return bytes((op,)), payload

    def _fill(self, buffer):
        view, got = memoryview(buffer), 0
        while got < len(buffer):
            n = self._in.readinto(view[got:])
            if not n:
                print("the pipe to the host is closed")
                sys.exit(1)
            got += n
