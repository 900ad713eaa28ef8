"""The clocks and the data of an Si3210's PCM highway: a PIO program.

    PCLK   256 kHz: 32 to a frame, the chip's slowest
    FSYNC  8 kHz, high during the first PCLK of a frame
    DRX    to the chip: changes when PCLK rises, taken when it falls
    DTX    from the chip: the same

The first 16 PCLKs of a frame carry one sample, most significant bit first, the other 16 nothing: start counts 0
(Si3210 regs 2..5), 16-bit linear (reg 1 PCMF = 11).
"""

# The words of a PIO program are there only while it is assembled.
# pyright: reportUndefinedVariable=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportArgumentType=false

from rp2 import PIO, asm_pio

STEP_HZ = 1_024_000  # four steps to a PCLK; the system clock must be a multiple of it, or PCLK jitters


@asm_pio(
    sideset_init=(PIO.OUT_LOW, PIO.OUT_LOW),
    out_init=PIO.OUT_LOW,
    out_shiftdir=PIO.SHIFT_LEFT,
    in_shiftdir=PIO.SHIFT_LEFT,
    autopull=True,
    autopush=True,
    pull_thresh=16,
    push_thresh=16,
)
def program():
    # Side set: bit 0 is PCLK, bit 1 is FSYNC.
    out(pins, 1).side(3)
    set(x, 14).side(3)
    in_(pins, 1).side(2)
    nop().side(2)
    label("bit")
    out(pins, 1).side(1)
    nop().side(1)
    in_(pins, 1).side(0)
    jmp(x_dec, "bit").side(0)
    set(x, 14).side(1)[1]
    nop().side(0)[1]
    label("rest")
    nop().side(1)[1]
    jmp(x_dec, "rest").side(0)[1]
