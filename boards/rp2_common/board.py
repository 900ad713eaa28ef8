"""A board with RP2040 or RP2350: the Board contract (femtojack.board) from `machine` and `rp2`. Wiring: deploy.md."""

from machine import SPI, Pin, freq

from common.base import BaseBoard
from rp2_common.pcm import PcmPort

_SPI_HZ = 8_000_000  # the chip takes 16 MHz

_SCK, _MOSI, _MISO, _CS = 18, 19, 16, 17
_RESET, _INT = 20, 21
_PCLK, _DRX, _DTX = 2, 4, 5  # FSYNC is 3


class Rp2Board(BaseBoard):
    """system_hz: a multiple of 1.024 MHz, so that the PCM clocks do not jitter.
    uplink: a function that makes `udp` of the board's own configuration.
    with_usb: join in on the USB, unless "usb" in the board's own configuration says otherwise."""

    def __init__(self, system_hz, uplink, with_usb):
        freq(system_hz)
        super().__init__()
        miso = Pin(_MISO, Pin.IN, Pin.PULL_UP)  # a chip that is not there answers 0xFF
        self.spi_slic = SPI(0, baudrate=_SPI_HZ, polarity=1, phase=1, sck=Pin(_SCK), mosi=Pin(_MOSI), miso=miso)
        self.cs_slic = Pin(_CS, Pin.OUT, value=1)
        self.reset_slic = Pin(_RESET, Pin.OUT, value=0)
        self.int_slic = Pin(_INT, Pin.IN, Pin.PULL_UP)
        self.led = Pin("LED", Pin.OUT)
        self.udp = uplink(self.own)
        if self.own.get("usb", with_usb):
            from rp2_common.usb import UsbPort, sound_card

            self.usb, self.usb_audio = UsbPort(), sound_card()
        self.pcm = PcmPort(system_hz, _PCLK, _DRX, _DTX)
