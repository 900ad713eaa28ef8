"""Raspberry Pi Pico 2: no network."""

from common.no_network import none
from rp2_common.board import Rp2Board

_SYSTEM_HZ = 153_600_000


class Board(Rp2Board):
    def __init__(self):
        super().__init__(_SYSTEM_HZ, none, with_usb=True)
