"""Runs in MicroPython: signals through the canceller in blocks of 10 ms, every sample through the companding.

PARAMETERS: the cases; `file` they stand in, or `base`, their address, and `size`; place and length of a native module
to load from there (module_at, module; 0: none). Prints digests of what came out.
"""

import binascii
import hashlib
import sys
from array import array

parameters = globals()["PARAMETERS"]
module = parameters["module"]
if "file" in parameters:
    with open(parameters["file"], "rb") as file:
        memory = file.read()
else:
    import uctypes

    memory = uctypes.bytearray_at(parameters["base"], parameters["size"])


class ReadOnlyFiles:
    """A file system of one file that stands in memory."""

    def __init__(self, name, data):
        self._name, self._data = name, data

    def mount(self, readonly, mkfs):
        pass

    def stat(self, path):
        if path.lstrip("/") != self._name:
            raise OSError(2)
        return (0x8000, 0, 0, 0, 0, 0, len(self._data), 0, 0, 0)

    def open(self, path, mode):
        import io

        return io.BytesIO(self._data)


if module:
    import vfs

    contents = memoryview(memory)[parameters["module_at"] :]
    vfs.mount(ReadOnlyFiles("loaded.mpy", contents), "/native")
    sys.path.append("/native")
    import loaded as voice
else:
    import femtovoice as voice


def text(total):
    return binascii.hexlify(total.digest()).decode()


def block(at):
    return array("h", bytes(memory[at : at + 160]))


def cancel(at, n, taps, flags):
    state = bytearray(voice.ec_size(taps))
    voice.ec_init(state, taps, flags)
    sout, total = array("h", bytes(160)), hashlib.sha256()
    for i in range(0, 2 * n, 160):
        voice.ec_process(state, block(at + i), block(at + 2 * n + i), sout)
        total.update(sout)
    path = array("h", bytes(2 * taps))
    voice.ec_path(state, path)
    total.update(path)
    return text(total)


def compand(encode, decode):
    total, octets, pcm = hashlib.sha256(), bytearray(256), array("h", bytes(512))
    for first in range(-32768, 32768, 256):
        for i in range(256):
            pcm[i] = first + i
        encode(pcm, octets)
        total.update(octets)
    for i in range(256):
        octets[i] = i
    decode(octets, pcm)
    total.update(pcm)
    return text(total)


for at, n, taps, flags in parameters["cases"]:
    print(cancel(at, n, taps, flags))
print(compand(voice.ulaw_encode, voice.ulaw_decode))
print(compand(voice.alaw_encode, voice.alaw_decode))
