"""Pyboard v1.1: no network; calls are silent, for its I2S in MicroPython sends or receives, not both at once."""

from machine import SPI, Pin
from pyb import Pin as TimerPin
from pyb import Timer

from common.base import BaseBoard
from common.no_network import none
from common.silent_pcm import SilentPcm

_SPI_HZ = 5_250_000  # 84 MHz / 16; the chip takes 16 MHz
_PCLK_HZ = 256_000
_FSYNC_HZ = 8_000
_PCLKS = 32  # to a frame


class Board(BaseBoard):
    def __init__(self):
        super().__init__("config.json")
        self.spi_slic = SPI(2, baudrate=_SPI_HZ, polarity=1, phase=1)  # Y6 SCK, Y8 MOSI, Y7 MISO
        self.cs_slic = Pin("Y5", Pin.OUT, value=1)
        self.reset_slic = Pin("Y4", Pin.OUT, value=0)
        self.int_slic = Pin("Y3", Pin.IN, Pin.PULL_UP)
        self._clocks = (_clock(4, "X9", 1, _PCLK_HZ, 50), _clock(8, "Y1", 1, _FSYNC_HZ, 100 // _PCLKS))
        self.udp = none(self.own)
        self.pcm = SilentPcm()
        print("femtojack: this board has no PCM port: calls are silent")


def _clock(timer, pin, channel, frequency, percent):
    running = Timer(timer, freq=frequency)
    running.channel(channel, Timer.PWM, pin=TimerPin(pin), pulse_width_percent=percent)
    return running
