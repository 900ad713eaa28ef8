"""Raspberry Pi Pico W: the network comes by radio."""

from common.wlan import join
from rp2_common.board import Rp2Board

_SYSTEM_HZ = 128_000_000


class Board(Rp2Board):
    def __init__(self):
        super().__init__(_SYSTEM_HZ, join, with_usb=False)
