"""Runs in any interpreter: the USB device enumerated, its disc read, hostile octets, HID and sound; all is printed.

Under a real MicroPython the sound path runs with the heap locked: an allocation is a MemoryError.
"""

import sys
from array import array
from binascii import hexlify

from micropython import const

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        pass

    heap_unlock = heap_lock

from femtojack.usb.device import Device, serial_number
from femtojack.usb.uac import SoundCard

IN, OUT, HID_IN = const(0x81), const(0x02), const(0x85)
BLOCKS = const(20)
ROUNDS = const(600)


class Usb:
    """machine.USBDevice as far as the script goes: whole transfers, halts."""

    BUILTIN_NONE = None
    builtin_driver = None

    def __init__(self):
        self.pending = {}
        self.halted = {}

    def config(self, desc_dev, desc_cfg, desc_strs, open_itf_cb, reset_cb, control_xfer_cb, xfer_cb):
        print(hexlify(desc_dev).decode(), hexlify(desc_cfg).decode(), desc_strs)
        self.opened, self.reset, self.control, self.transferred = open_itf_cb, reset_cb, control_xfer_cb, xfer_cb

    def active(self, on):
        pass

    def submit_xfer(self, ep, buf):
        if self.pending.get(ep) is not None or self.halted.get(ep):
            raise OSError(16)
        self.pending[ep] = buf
        return True

    def stall(self, ep, on=None):
        was = self.halted.get(ep, False)
        if on is not None:
            self.halted[ep] = on
            if on:
                self.pending[ep] = None
        return was


class Board:
    """A disc whose blocks can be told from each other, a serial number, and a sound card."""

    def __init__(self):
        self.usb = Usb()
        self.usb_audio = Audio()
        self.voice = self
        self.blocks = self.store = self
        self.count = BLOCKS

    def read(self, block, buf):
        for i in range(0, len(buf), 64):
            buf[i] = block + i // 64 & 255

    def pcm_halve(self, pcm, out):
        halve(pcm, out)

    def get(self, key):
        return b"FJ-1"

    def trace(self, point, data):
        print(point, hexlify(data).decode())


class Audio:
    """board.usb_audio whose PC plays a counter, and which writes nothing down."""

    mute, volume = False, -6 * 256

    def __init__(self):
        self.playback = 1
        self.waiting = 0
        self.sum = 0

    def alt(self, itf):
        return 1 if itf == 2 else self.playback

    def read(self, buf, start=0):
        n = min(len(buf) - start, self.waiting)
        for i in range(start, start + n):
            buf[i] = self.waiting * 37 & 0x3FFF
            self.waiting -= 1
        return 2 * n

    def write(self, buf):
        self.sum = self.sum * 31 + buf[0] & 0xFFFFF
        return 160

    def space(self):
        return 1000


def halve(pcm, out):
    """In place of native code: every other sample."""
    for i in range(len(out)):
        out[i] = pcm[38 + 2 * i]


def take(usb, ep, device):
    """The transfer that the device has ready at `ep`: what it says, or how it refuses."""
    if usb.halted.get(ep):
        return b"halted"
    buf = usb.pending.get(ep)
    if buf is None:
        return b""
    data = bytes(buf)
    usb.pending[ep] = None
    usb.transferred(ep, 0, len(data))
    device.step()
    return data


def send(usb, data, device):
    buf = usb.pending.get(OUT)
    if buf is None:
        print("no place")
        return
    usb.pending[OUT] = None
    n = min(len(buf), len(data))
    buf[:n] = data[:n]
    usb.transferred(OUT, 0, n)
    device.step()


def request(usb, device, *octets):
    answer = usb.control(1, memoryview(bytes(octets)))
    if isinstance(answer, bool):
        print(hexlify(bytes(octets)).decode(), answer)
    else:
        print(hexlify(bytes(octets)).decode(), hexlify(answer).decode())
        usb.control(2, memoryview(bytes(octets)))
    usb.control(3, memoryview(bytes(octets)))
    device.step()
    return answer


def clear(usb, device):
    for ep in (IN, OUT):
        if usb.halted.get(ep):
            usb.halted[ep] = False
            request(usb, device, 0x02, 1, 0, 0, ep, 0, 0, 0)


def command(usb, device, cdb, length, inward=True):
    """One command by its CBW; all that comes until there is nothing more."""
    cbw = b"USBC\1\2\3\4" + bytes((length & 255, length >> 8, 0, 0, 0x80 if inward else 0, 0, len(cdb))) + cdb
    send(usb, cbw + bytes(31 - len(cbw)), device)
    for _ in range(20):
        data = take(usb, IN, device)
        if not data:
            break
        print(len(data), hexlify(data[:48]).decode())
        clear(usb, device)


def storage(usb, device):
    reads = [b"\x28\0\0\0\0" + bytes((block, 0, 0, count, 0)) for block, count in ((0, 1), (3, 9), (19, 1), (19, 2))]
    for cdb in reads:
        command(usb, device, cdb, cdb[8] * 2048)
    for opcode in range(256):
        for second in (0, 1, 2):
            command(usb, device, bytes((opcode, second, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0)), 255)
    command(usb, device, reads[0], 0)
    command(usb, device, reads[0], 64, False)
    for bad in (b"", b"USBC", bytes(31), b"x" * 64):
        send(usb, bad, device)
        print(take(usb, IN, device))
        clear(usb, device)
        request(usb, device, 0x21, 0xFF, 0, 0, 0, 0, 0, 0)
        clear(usb, device)
        command(usb, device, bytes(6), 0)


def telephone(usb, device):
    device.telephone.hook(True)
    for key in "19#":
        device.telephone.key(key)
    device.step()
    while True:
        report = take(usb, HID_IN, device)
        if not report:
            break
        print(hexlify(report).decode())
    device.telephone.tell(3, 1, 0, 7, (1, 0x3FFFFFFF, 70000))
    for octets in (
        (0x81, 6, 0, 0x22, 4, 0, 255, 0), (0xA1, 1, 0, 3, 4, 0, 64, 0), (0x21, 9, 0, 2, 4, 0, 1, 0),
        (0x21, 9, 0, 3, 4, 0, 64, 0), (0x21, 9, 0, 3, 4, 0, 64, 0), (0xA1, 1, 0, 9, 4, 0, 64, 0),
    ):  # fmt: skip
        request(usb, device, *octets)
    print(device.telephone.indicators, device.telephone.take_command())


def sound(playback, volume):
    """Blocks through the card without allocation."""
    audio = Audio()
    audio.playback, audio.volume = playback, volume
    card = SoundCard(audio, halve, 2, 3)
    card.step()
    if volume:
        card._gain.apply(array("h", bytes(160)), volume)  # a new volume may allocate
    total = 0
    heap_lock()
    try:
        for i in range(ROUNDS):
            audio.waiting += 80 if playback == 2 else 160
            if i % 50 == 49:
                audio.waiting = 0
            card.step()
            pcm = card.get()
            if pcm:
                total = total * 31 + pcm[5] & 0xFFFFF
                card.put(pcm)
    finally:
        heap_unlock()
    print(total, audio.sum, card.played, card.repeated, card.dropped, card.captured, card.lost)


def main():
    board = Board()
    device = Device(board, serial_number(board.store), board.blocks)
    usb = board.usb
    usb.reset()
    usb.opened(memoryview(b""))
    device.step()
    storage(usb, device)
    telephone(usb, device)
    board.count = 0
    device.step()
    command(usb, device, b"\x4a\1\0\0\x10\0\0\0\x08\0", 8)
    command(usb, device, bytes(6), 0)
    for playback in (1, 2):
        for volume in (0, -6 * 256):
            sound(playback, volume)
    print("done", file=sys.stdout)


main()
