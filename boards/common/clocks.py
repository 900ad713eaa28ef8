"""PCLK and FSYNC of the SLIC from timers, where no PCM port makes them: without them the chip does not come up."""

from machine import PWM

_PCLK_HZ = 256_000
_FSYNC_HZ = 8_000
_HALF = 32768  # duty of 65536
_ONE_PCLK = 65536 // 32


def start(pclk, fsync):
    """The two clocks, running; they must be kept."""
    return PWM(pclk, freq=_PCLK_HZ, duty_u16=_HALF), PWM(fsync, freq=_FSYNC_HZ, duty_u16=_ONE_PCLK)
