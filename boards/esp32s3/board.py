"""ESP32-S3: the network comes by radio; calls are silent.

MicroPython's I2S on this chip sends or receives, as a master, and cannot share its clocks: the SLIC gets its PCM clocks
from timers, and its samples are not taken.
"""

from machine import SPI, Pin

from common import clocks
from common.base import BaseBoard
from common.silent_pcm import SilentPcm
from common.wlan import join

_SPI_HZ = 8_000_000  # the chip takes 16 MHz
_SCK, _MOSI, _MISO, _CS = 12, 11, 13, 10
_RESET, _INT = 14, 21
_PCLK, _FSYNC = 4, 5


class Board(BaseBoard):
    def __init__(self):
        super().__init__()
        miso = Pin(_MISO, Pin.IN, Pin.PULL_UP)  # a chip that is not there answers 0xFF
        self.spi_slic = SPI(2, baudrate=_SPI_HZ, polarity=1, phase=1, sck=Pin(_SCK), mosi=Pin(_MOSI), miso=miso)
        self.cs_slic = Pin(_CS, Pin.OUT, value=1)
        self.reset_slic = Pin(_RESET, Pin.OUT, value=0)
        self.int_slic = Pin(_INT, Pin.IN, Pin.PULL_UP)
        self.clocks = clocks.start(Pin(_PCLK), Pin(_FSYNC))
        self.udp = join(self.own)
        self.pcm = SilentPcm()
        print("femtojack: this board has no PCM port: calls are silent")
