"""Runs in the image: whatever does not fit is refused, as on the host (tests/native/test_voice.py)."""

from array import array

import femtovoice as voice

state, pcm, octets = bytearray(voice.ec_size(64)), array("h", bytes(160)), bytearray(80)
voice.ec_init(state, 64, 3)
refused = (
    lambda: voice.ec_size(100),
    lambda: voice.ec_size(0),
    lambda: voice.ec_size(-16),
    lambda: voice.ec_size(1040),
    lambda: voice.ec_init(bytearray(100), 64, 0),
    lambda: voice.ec_init(memoryview(state)[4:], 16, 0),
    lambda: voice.ec_reset(bytearray(0)),
    lambda: voice.ec_freeze(bytearray(5000), 1),
    lambda: voice.ec_process(bytearray(5000), pcm, pcm, pcm),
    lambda: voice.ec_process(state, pcm, array("h", bytes(158)), pcm),
    lambda: voice.ec_process(state, pcm, pcm, bytearray(160)),
    lambda: voice.ec_path(state, pcm),
    lambda: voice.ulaw_encode(pcm, bytearray(79)),
    lambda: voice.alaw_decode(octets, octets),
)
for i, call in enumerate(refused):
    try:
        call()
        print("accepted", i)
    except ValueError as error:
        print(error)
voice.ec_process(state, pcm, pcm, memoryview(pcm))
voice.ulaw_encode(memoryview(pcm), octets)
voice.ulaw_decode(bytes(octets), pcm)
print("done", voice.ec_stats(state)[6])
