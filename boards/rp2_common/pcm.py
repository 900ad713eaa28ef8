"""The PCM highway of an Si3210 on a PIO state machine (rp2_common.highway), with DMA in both directions.

Each direction has two buffers of a block and two DMA channels: one moves samples, the other gives it the next buffer.
They run for ever without the processor; a block that is not replaced in time is played again.
"""

# MicroPython's stubs know neither `channel` nor `registers` of DMA.
# pyright: reportAttributeAccessIssue=false

from array import array
from struct import pack_into

from machine import Pin
from micropython import const
from rp2 import DMA, StateMachine
from uctypes import addressof

from femtojack.board import BLOCK
from rp2_common import highway

_BLOCK_OCTETS = "160s"  # copies without a slice, which would be an object

_HALF_WORD = const(1)  # DMA transfer sizes
_WORD = const(2)
_RING_8 = const(3)  # two addresses
_READ_ADDR_TRIG = const(15)  # RP2040 datasheet 2.5.7: CH0_AL3_READ_ADDR_TRIG, as a word of the channel's registers
_WRITE_ADDR_TRIG = const(11)  # CH0_AL2_WRITE_ADDR_TRIG


class PcmPort:
    """femtojack.board's `pcm`. `missed` counts blocks that were not fetched in time.

    pclk: its pin; FSYNC is the pin after it. drx, dtx: pins of the data to the chip and from it.
    """

    def __init__(self, system_hz, pclk, drx, dtx, machine=0):
        if system_hz % highway.STEP_HZ:
            raise ValueError("system clock must be a multiple of 1.024 MHz")
        self.missed = 0
        self._done = self._taken = 0  # blocks, modulo 2**16
        self._out = [array("h", bytes(2 * BLOCK)) for _ in range(2)]
        self._in = [array("h", bytes(2 * BLOCK)) for _ in range(2)]
        self._machine = StateMachine(
            machine,
            highway.program,
            freq=highway.STEP_HZ,
            out_base=Pin(drx),
            in_base=Pin(dtx, Pin.IN),
            sideset_base=Pin(pclk),
        )
        self._channels = [DMA() for _ in range(4)]
        self._start(machine)

    def due(self):
        return self._done != self._taken

    def exchange(self, play, captured, ref):
        fresh = (self._done - self._taken) & 0xFFFF
        if not fresh:
            return False
        self.missed += fresh - 1
        self._taken = (self._taken + fresh) & 0xFFFF
        i = (self._taken - 1) & 1
        out = self._out[i]
        pack_into(_BLOCK_OCTETS, captured, 0, self._in[i])
        pack_into(_BLOCK_OCTETS, ref, 0, out)
        pack_into(_BLOCK_OCTETS, out, 0, play)
        return True

    def close(self):
        """Stop the clocks."""
        self._machine.active(0)
        for channel in self._channels:
            channel.close()

    def _start(self, machine):
        send, send_next, receive, receive_next = self._channels
        self._tables = [_addresses(self._out), _addresses(self._in)]
        request = machine  # RP2040 datasheet 2.5.3: 0..3 are PIO0 TX0..3, 4..7 PIO0 RX0..3
        send.config(
            write=self._machine,
            count=BLOCK,
            ctrl=send.pack_ctrl(size=_HALF_WORD, inc_write=False, treq_sel=request, chain_to=send_next.channel),
        )
        receive.config(
            read=self._machine,
            count=BLOCK,
            ctrl=receive.pack_ctrl(
                size=_HALF_WORD,
                inc_read=False,
                treq_sel=request + 4,
                chain_to=receive_next.channel,
                irq_quiet=False,
            ),
        )
        receive.irq(self._block, hard=True)
        for channel, table, registers in (
            (send_next, self._tables[0], send.registers[_READ_ADDR_TRIG : _READ_ADDR_TRIG + 1]),
            (receive_next, self._tables[1], receive.registers[_WRITE_ADDR_TRIG : _WRITE_ADDR_TRIG + 1]),
        ):
            channel.config(
                read=table,
                write=registers,
                count=1,
                ctrl=channel.pack_ctrl(size=_WORD, inc_write=False, ring_size=_RING_8),
                trigger=True,
            )
        self._machine.active(1)

    def _block(self, channel):
        """In an interrupt: a block was captured."""
        self._done = (self._done + 1) & 0xFFFF


def _addresses(buffers):
    """Addresses as DMA reads them in a ring: eight octets, and so aligned, as every block of the heap is."""
    return array("I", [addressof(buffer) for buffer in buffers])
