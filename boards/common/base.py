"""What every board made of `machine` does alike (femtojack.board)."""

from os import urandom
from time import sleep_ms

from common import loop, native, settings


class BaseBoard:
    """`own` is the board's own section of the configuration; what a board has not is None. A board adds `spi_slic`,
    the SLIC's pins, `pcm`, and what else it has."""

    udp = tcp = usb = usb_audio = l1 = nor = blocks = store = None

    def __init__(self, config_path=settings.PATH):
        self.config, self.own = settings.load(config_path)
        self.voice = native.load()

    def trace(self, point, data):
        """Nobody listens; common.monitor puts itself here."""

    def entropy(self, buf):
        buf[:] = urandom(len(buf))

    def wait_ms(self, n):
        sleep_ms(n)

    def run(self, app):
        loop.run(app, self.pcm, self.int_slic, self.usb)
