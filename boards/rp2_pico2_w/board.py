"""Raspberry Pi Pico 2 W: the network comes by radio."""

from common.wlan import join
from rp2_common.board import Rp2Board

_SYSTEM_HZ = 153_600_000


class Board(Rp2Board):
    def __init__(self):
        super().__init__(_SYSTEM_HZ, join, with_usb=True)
