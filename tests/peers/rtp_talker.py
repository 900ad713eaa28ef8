"""A far end that sends a tone in RTP packets of any length."""

import os
import socket
import struct
import threading
import time

from programs import schedule
from tone_figures import tone

from femtohost import audio
from femtohost.peers import g711

SSRC = 0x46454D54


class RtpTalker:
    """From `with` to its end, sends a sine of `hz` to `target` (host, port): PCMU, `packet_ms` in each packet."""

    def __init__(self, target, hz, packet_ms):
        self._target = target
        self._size = packet_ms * audio.RATE // 1000
        self._interval = packet_ms / 1000
        self._octets = 2 * g711.ulaw_encode(tone(hz, 1))  # whole hertz go on without a seam
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stopped.set()
        self._thread.join()

    def _talk(self):
        schedule(0, os.SCHED_RR, 1)
        begin = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sequence = 0
            while not self._stopped.wait(max(0, begin + sequence * self._interval - time.monotonic())):
                sender.sendto(self._packet(sequence), self._target)
                sequence += 1

    def _packet(self, sequence):
        """RFC 3550 5.1."""
        first = sequence * self._size
        at = first % audio.RATE
        header = struct.pack(">BBHII", 0x80, 0x80 if sequence == 0 else 0, sequence & 0xFFFF, first, SSRC)
        return header + self._octets[at : at + self._size]
