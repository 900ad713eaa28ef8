"""femtohost: the emulator of femtojack's hardware, and the tools around it."""

from femtohost import micropython

micropython.install()
