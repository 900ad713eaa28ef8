"""A Raspberry Pi Pico in an emulator (rp2040js), with a real image of MicroPython in its flash.

Its USB serial port is a TCP port; what is wired to its SPI bus may be a model of this process. The emulator runs slower
than the chip and knows no cache misses; time on the board is the emulated chip's.
"""

import contextlib
import json
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

from femtohost.errors import BoardLost, UserError
from femtohost.toolchain import cache, compilers
from femtohost.toolchain.compilers import need_program

HERE = Path(__file__).parent
EMULATOR = "rp2040js@1.4.1"
FLASH_SIZE = 2 << 20
_XIP = 0x10000000
_UF2 = struct.Struct("<8I")  # two magic numbers, flags, address, size, number, count, family
_UF2_MAGIC = 0x0A324655
_UF2_BLOCK = 512
_RP2040 = 0xE48BFF56  # family
_RECORD = struct.Struct("<cBQ")  # kind, value, time in ns
_NPM = "the emulated Pico needs node and npm: apt-get install nodejs npm (18 or newer)"
_REMEDY = compilers.CORES["armv6m"].remedy


def flash_of(uf2):
    """The 2 MB of flash that an image (octets of a UF2 file for RP2040) makes of an erased chip."""
    flash = bytearray(b"\xff" * FLASH_SIZE)
    for start in range(0, len(uf2) - _UF2_BLOCK + 1, _UF2_BLOCK):
        magic, _, _, address, size, _, _, family = _UF2.unpack_from(uf2, start)
        at = address - _XIP
        if magic == _UF2_MAGIC and family == _RP2040 and 0 <= at <= FLASH_SIZE - size:
            flash[at : at + size] = uf2[start + 32 : start + 32 + size]
    if flash[:256] == b"\xff" * 256:
        raise UserError("the image is no UF2 file for RP2040")
    return bytes(flash)


class Pico:
    """An emulated Pico, from power-on; use it in `with`.

    image    path of a UF2 file
    flash    path of a file that keeps the flash; what it holds is what the board starts with. Without: a temporary one
    slic     the model that is wired to SPI 0 and its pins (femtohost.models.slic.Si3210); None: nothing. Its clock
             follows the chip's time
    wires    pairs of GPIO numbers: the level of the first goes to the second

    `port` is what mpremote takes; `descriptors` the configuration descriptor of the last enumeration. UserError: node,
    npm or a compiler is missing. BoardLost: the emulator ended.
    """

    def __init__(self, image, flash=None, slic=None, wires=()):
        self._folder = None if flash else tempfile.TemporaryDirectory()
        self.flash = Path(flash or Path(self._folder.name) / "flash.bin")
        if not self.flash.exists():
            self.flash.write_bytes(flash_of(Path(image).read_bytes()))
        self.boot_ms = self.boot_s = self.descriptors = None
        self._bus = Bus(slic) if slic else None
        options = {"emulator": emulator().as_uri(), "rom": str(rom()), "flash": str(self.flash), "wires": wires}
        if self._bus:
            options["bus"] = {"port": self._bus.port, "spi": 0, "cs": 17, "reset": 20, "int": 21}
        self._process = subprocess.Popen(
            [need_program("node", _NPM), HERE / "pico.mjs", json.dumps(options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            self.port = f"socket://127.0.0.1:{self._expect('listening')['port']}"
            self._wait_for_usb()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def reset(self):
        """Press the reset button; files stay, the serial port comes back."""
        self._tell("reset")
        self._expect("reset")
        self._wait_for_usb()

    def wait_for_reset(self):
        """Until the board has reset itself."""
        self._expect("reset")
        self._wait_for_usb()

    def enumerated(self):
        """Until the board has joined the USB anew."""
        self._wait_for_usb()

    # -- as the USB host ----------------------------------------------------------------------------------------------

    def request(self, setup, data=b""):
        """A control request of one packet: 8 octets, and data that go to the board. The octets that came."""
        self._tell(json.dumps({"request": list(setup), "data": list(data)}))
        return bytes(self._expect("answer")["data"])

    def play(self, endpoint, packets):
        """Send packets, bytes, to an isochronous endpoint, one a frame."""
        self._tell(json.dumps({"play": endpoint, "packets": [list(packet) for packet in packets]}))

    def record(self, endpoint, count):
        """Begin to take packets from an isochronous endpoint; `recorded` has them."""
        self._tell(json.dumps({"record": endpoint & 0x0F, "count": count}))

    def recorded(self):
        return [bytes(packet) for packet in self._expect("recorded")["packets"]]

    # -- the process --------------------------------------------------------------------------------------------------

    def kill(self):
        """Pull the cable: what was written since the start is lost with the emulator."""
        self._process.kill()

    def close(self):
        """Power off; the flash is kept in its file."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=300)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        if self._bus:
            self._bus.close()
        if self._folder:
            self._folder.cleanup()

    def _wait_for_usb(self):
        up = self._expect("usb")
        self.boot_ms, self.boot_s, self.descriptors = up["ms"], up["seconds"], bytes(up["descriptors"])

    def _tell(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _expect(self, event):
        """The next event of that kind."""
        for line in self._process.stdout:
            said = json.loads(line)
            if said["event"] == event:
                return said
        raise BoardLost("the emulated Pico has ended; see what node says above")


class Bus:
    """What is wired to the emulated chip's SPI bus and pins, served on a thread; the records are those of pico.mjs."""

    def __init__(self, slic):
        self._slic = slic
        self._started = 0  # the model's time at the chip's power-on
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.close()
        self._thread.join(timeout=5)

    def _serve(self):
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rwb") as stream:
                while len(record := stream.read(_RECORD.size)) == _RECORD.size:
                    stream.write(self._answer(*_RECORD.unpack(record)))
                    stream.flush()

    def _answer(self, kind, value, time_ns):
        self._pass(time_ns)
        answer = b""
        if kind == b"s":
            received = bytearray(1)
            self._slic.transfer(bytes((value,)), received)
            answer = kind + received
        elif kind == b"t":
            answer = kind + b"\0"
        elif kind == b"c":
            self._slic.cs(value)
        elif kind == b"r":
            self._slic.reset(value)
        return b"i" + bytes((self._slic.int_level(),)) + answer

    def _pass(self, time_ns):
        """Let the model's clock follow. A chip that was reset begins at 0 again; the model goes on from where it is."""
        clock = self._slic.clock
        if self._started + time_ns < clock.now:
            self._started = clock.now - time_ns
        end = self._started + time_ns
        following = clock.next_time()
        while following is not None and following <= end:
            clock.run_next()
            following = clock.next_time()
        clock.advance(end)


def emulator():
    """The path of the emulator's module; npm fetches it once."""

    def make(path):
        path.mkdir()
        (path / "package.json").write_text("{}\n")
        command = [need_program("npm", _NPM), "install", "--no-audit", "--no-fund", "--ignore-scripts", EMULATOR]
        done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"npm cannot install {EMULATOR}: {(done.stderr.strip() or 'it failed').splitlines()[0]}")

    return cache.kept(f"npm/{EMULATOR}", make) / "node_modules/rp2040js/dist/esm/index.js"


def rom():
    """The path of the ROM's octets, built once for each content of its sources."""
    folder = HERE / "pico_rom"
    compiler, copier = (need_program(f"arm-none-eabi-{name}", _REMEDY) for name in ("gcc", "objcopy"))

    def make(path):
        flags = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-ffreestanding", "-nostdlib", "-T", folder / "rom.ld"]
        with tempfile.TemporaryDirectory() as work:
            elf = Path(work) / "rom.elf"
            sources = [folder / "rom.S", folder / "rom.c"]
            for command in ([compiler, *flags, *sources, "-lgcc", "-o", elf], [copier, "-O", "binary", elf, path]):
                compilers.run(command, "ROM of the emulated Pico")

    return cache.kept(f"pico-rom/{cache.digest(folder)}.bin", make)
