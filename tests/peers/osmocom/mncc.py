"""The call control of Osmocom's MSC, outside of it: who is called answers at once, hears every key, and says nothing.

MNCC is a socket of packets (SOCK_SEQPACKET); a packet is a C structure in the machine's own octet order, whose head is
type u32, call reference u32, fields u32. It changes from version to version: the MSC's first packet tells the size of
the structure and where some of its members are, and a member that is used here is found from those.
"""

import socket
import struct

HELLO = 0x0400
SETUP_IND, SETUP_RSP, SETUP_COMPL_IND = 0x0102, 0x0103, 0x0106
CALL_PROC_REQ, ALERT_REQ = 0x0108, 0x010A
DISC_IND, REL_REQ, REL_IND, REL_CNF = 0x010F, 0x0110, 0x0111, 0x0112
START_DTMF_IND, START_DTMF_RSP, STOP_DTMF_IND, STOP_DTMF_RSP = 0x0115, 0x0116, 0x0118, 0x0119

LARGEST = 4096
HEAD = struct.Struct("=III")
# type, version, sizes of the structure and of a speech frame, offsets: called, signal, emergency, lchan_type
HELLO_SIZES = struct.Struct("=8I")
KEYPAD_FIELD = 0x1000
NUMBER = 16  # octets before the digits of a number: type, plan, presentation, screening
AFTER_SIGNAL = 4  # the key follows the member `signal`


class Switch:
    """Every call of the MSC whose socket is at `path`, from construction to `close`.

    `watch(socket, callback)` and `unwatch(socket)` belong to the loop that waits (femtohost.wallclock). `called` are
    the numbers, `keys` what was pressed, `active` the references of the calls that stand.
    """

    def __init__(self, path, watch, unwatch):
        self.called, self.keys, self.active = [], "", set()
        self._pressed = {}  # call reference -> key
        self._watch, self._unwatch = watch, unwatch
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(str(path))
        kind, _, self._size, _, self._called, signal, _, _ = HELLO_SIZES.unpack(self._socket.recv(LARGEST))
        assert kind == HELLO
        self._keypad = signal + AFTER_SIGNAL
        self._watch(self._socket, self._receive)

    def close(self):
        self._unwatch(self._socket)
        self._socket.close()

    def _receive(self):
        packet = self._socket.recv(LARGEST)
        assert packet, "the MSC has closed its MNCC socket"
        kind, reference, _ = HEAD.unpack_from(packet)
        if kind == SETUP_IND:
            self._answer(packet, reference)
        elif kind == SETUP_COMPL_IND:
            self.active.add(reference)
        elif kind == START_DTMF_IND:
            self._press(packet, reference)
        elif kind == STOP_DTMF_IND:
            self._send(STOP_DTMF_RSP, reference, self._pressed.pop(reference))
        elif kind == DISC_IND:
            self._send(REL_REQ, reference)
        if kind in (DISC_IND, REL_IND, REL_CNF):
            self.active.discard(reference)

    def _answer(self, packet, reference):
        digits = packet[self._called + NUMBER :]
        self.called.append(digits[: digits.index(0)].decode())
        for kind in (CALL_PROC_REQ, ALERT_REQ, SETUP_RSP):
            self._send(kind, reference)

    def _press(self, packet, reference):
        (key,) = struct.unpack_from("=i", packet, self._keypad)
        self._pressed[reference] = key
        self.keys += chr(key)
        self._send(START_DTMF_RSP, reference, key)

    def _send(self, kind, reference, key=None):
        packet = bytearray(self._size)
        HEAD.pack_into(packet, 0, kind, reference, 0 if key is None else KEYPAD_FIELD)
        if key is not None:
            struct.pack_into("=i", packet, self._keypad, key)
        self._socket.send(packet)
