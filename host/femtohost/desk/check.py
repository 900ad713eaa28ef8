"""The self-test of a board that has the firmware: its parts one by one, and a call that comes back.

Each check is a piece of code that runs on the board and prints what it found.
"""

from femtohost.desk import slots
from femtohost.errors import UserError
from femtohost.voice import Voice

_RUN_S = 300  # of silence

_PREPARE = (
    slots.ENTER
    + """
import gc
gc.collect()
free = gc.mem_free()
from board import Board
board = Board()
"""
)

# Reg 0: part and revision; regs 8, 64, 11 have their values of reset (Si3210 datasheet, register descriptions).
_SLIC = """
from time import sleep_ms
def read(address):
    answer = bytearray(1)
    for octet in (0x80 | address, 0):
        board.cs_slic.value(0)
        board.spi_slic.write_readinto(bytes((octet,)), answer)
        board.cs_slic.value(1)
    return answer[0]
board.reset_slic.value(0)
sleep_ms(2)
board.reset_slic.value(1)
sleep_ms(2)
print([read(a) for a in (0, 8, 64, 11)])
"""
_SLIC_RESET = [0x02, 0x00, 0x33]

_PCM = """
from array import array
from time import ticks_ms, ticks_diff
play, captured, ref = (array('h', bytes(160)) for _ in range(3))
board.pcm.exchange(play, captured, ref)
blocks, same, began, missed = 0, 0, ticks_ms(), board.pcm.missed
while blocks < 20 and ticks_diff(ticks_ms(), began) < 1000:
    if board.pcm.exchange(play, captured, ref):
        blocks += 1
        same += blocks > 3 and captured == ref
        for i in range(80):
            play[i] = (i * 397 + blocks) % 8192 - 4096
ms = ticks_diff(ticks_ms(), began)
print({'blocks': blocks, 'ms': ms, 'missed': board.pcm.missed - missed, 'wired': same == 17})
"""

# Noise that both sides make: 24 bits of a linear congruence, without large numbers.
VECTORS = """
from array import array
from hashlib import sha256
x = 1
def noise(n):
    global x
    out = array('h', bytes(2 * n))
    for i in range(n):
        x = (x * 1103 + 12345) & 0xFFFFFF
        out[i] = (x >> 9 & 0x3FFF) - 0x2000
    return out
state = bytearray(voice.ec_size(128))
voice.ec_init(state, 128, 0)
total = sha256()
for _ in range(12):
    rin, near = noise(80), noise(80)
    sin = array('h', [a // 3 + b // 64 for a, b in zip(rin, near)])
    sout = array('h', bytes(160))
    voice.ec_process(state, rin, sin, sout)
    total.update(bytes(sout))
    octets = bytearray(80)
    for encode, decode in ((voice.ulaw_encode, voice.ulaw_decode), (voice.alaw_encode, voice.alaw_decode)):
        encode(sin, octets)
        decode(octets, sout)
        total.update(bytes(octets) + bytes(sout))
"""
_VECTORS = "voice = board.voice\n" + VECTORS + "print(repr(''.join('%02x' % b for b in total.digest())))\n"

# Half a second of a call that comes back, through the voice path and the canceller.
_CALL = """
from femtojack.call.loopback import Loopback
from femtojack.config import validate
from femtojack.voice.bridge import Bridge
from femtojack.voice.path import VoicePath
from time import ticks_ms, ticks_diff
bridge = Bridge()
path = VoicePath(board, validate(board.config)['voice'], bridge)
call = Loopback(board, None)
call.start(None)
path.step()
bridge.join(path, call)
missed, began = board.pcm.missed, ticks_ms()
while ticks_diff(ticks_ms(), began) < 500:
    path.step()
bridge.part()
gc.collect()
print({'blocks': call.blocks, 'missed': board.pcm.missed - missed, 'heap': free, 'heap_used': free - gc.mem_free()})
"""


def check(link, board):
    """Test the `board` (BoardInfo) at `link`. A dict: passed, and each check's findings with its own `passed`."""
    link.expect(board)
    try:
        words = link.run(_PREPARE, _RUN_S).strip()
    except UserError as error:
        raise UserError(f"{error}; femtojack board deploy {board.name} comes first") from None
    checks = {"slic": _slic(link), "voice": _voice(link), "pcm": _pcm(link), "call": _call(link)}
    needed = [name for name in checks if name != "slic" or "line" in board.runs]
    facts = {"board": board.name, "machine": link.facts.machine, "said": words.splitlines()}
    return {**facts, "passed": all(checks[name]["passed"] for name in needed), **checks}


def digest_here():
    """What the vectors give with the host's native code."""
    names = {"voice": Voice()}
    exec(VECTORS, names)
    return names["total"].hexdigest()


def _slic(link):
    part, *reset = link.ask(_SLIC, _RUN_S)
    good = 2 <= part & 0x0F < 15 and reset == _SLIC_RESET
    return {"passed": good, "reg0": part, **({} if good else {"why": "no Si3210 answers; see the wiring in deploy.md"})}


def _voice(link):
    found = link.ask(_VECTORS, _RUN_S)
    return {"passed": found == digest_here(), "sha256": found}


def _pcm(link):
    found = link.ask(_PCM, _RUN_S)
    on_time = found["blocks"] == 20 and 150 <= found["ms"] <= 250
    return {"passed": on_time and not found["missed"], **found}


def _call(link):
    found = link.ask(_CALL, _RUN_S)
    return {"passed": found["blocks"] >= 48 and not found["missed"], **found}
