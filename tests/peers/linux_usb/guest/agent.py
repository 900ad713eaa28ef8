"""The hands of the tests inside the guest: what they ask for is done with the kernel's own drivers.

Each public function here can be called from outside (machine.py); what it raises is raised there. No judgement here.
"""

import array
import ctypes
import fcntl
import glob
import hashlib
import os
import pickle
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

HOST = "10.0.2.2"  # QEMU's user network: the machine that runs QEMU
BUS_ID = "1-1"
PATIENCE = 600  # s: a loaded machine is slow, not wrong


def read(path):
    """The text of a file of /proc or /sys, "" if it cannot be read."""
    try:
        with open(path, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def shell(*command):
    """(exit code, output) of a program."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    return done.returncode, done.stdout.decode(errors="replace")


def wait_for(look, every=0.01):
    """What `look()` returns as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{look.__name__}: nothing")
        time.sleep(every)
    return found


# -- the device -------------------------------------------------------------------------------------------------------


known = {}  # what does not change while it is attached; to look through /sys takes 0.2 s


def device():
    """Its folder in /sys, or None."""
    if not os.path.exists(known.get("device", "")):
        known["device"] = next(iter(glob.glob("/sys/bus/usb/devices/*-*/idVendor")), "").rpartition("/")[0]
    return known["device"] or None


def drivers():
    """{interface: driver or None}"""
    folder = device() or "/nowhere"
    faces = sorted(glob.glob(f"{folder}/{os.path.basename(folder)}:*"))
    links = {int(face.rpartition(".")[2]): face + "/driver" for face in faces}
    return {n: os.path.basename(os.readlink(link)) if os.path.exists(link) else None for n, link in links.items()}


def usbip(port, *words):
    return shell("usbip", "--tcp-port", str(port), *words)


def attach(port):
    """Attach the device at that port of the host; returns (seconds until it was complete, its facts)."""
    begin = time.monotonic()
    code, output = usbip(port, "attach", "-r", HOST, "-b", BUS_ID)
    if code:
        raise OSError(output.strip())
    folder = wait_for(device)
    count = int(wait_for(lambda: read(folder + "/bNumInterfaces")))
    wait_for(lambda: len(drivers()) == count and all(drivers().values()))
    seconds = time.monotonic() - begin
    facts = {name: read(f"{folder}/{name}") for name in ("idVendor", "idProduct", "manufacturer", "product", "serial")}
    return seconds, {**facts, "drivers": drivers()}


def detach():
    """Detach it."""
    for port in re.findall(r"Port (\d+):", usbip(0, "port")[1]):
        usbip(0, "detach", "-p", port)
    wait_for(lambda: not device())


def kernel_log():
    return shell("dmesg")[1]


# -- the disc ---------------------------------------------------------------------------------------------------------

CDROM_EJECT, CDROM_CLOSE_TRAY, CDROM_DRIVE_STATUS, CDROM_LOCK_DOOR = 0x5309, 0x5319, 0x5326, 0x5329
CURRENT_SLOT = 0x7FFFFFFF


def disc():
    """(device file, octets) of the drive with a medium in it."""
    return wait_for(
        lambda: [("/dev/" + name, disc_size(name)) for name in os.listdir("/sys/block") if disc_opens(name)]
    )[0]


def disc_opens(name):
    """A drive that has just been detached is still listed, but no longer there."""
    if not name.startswith("sr") or not disc_size(name):
        return False
    try:
        os.close(os.open("/dev/" + name, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def disc_size(name):
    return int(read(f"/sys/block/{name}/size") or 0) * 512


def hash_disc():
    """(octets, SHA-256, seconds) of the whole disc, read anew."""
    path, _ = disc()
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        begin, digest, octets = time.monotonic(), hashlib.sha256(), 0
        while part := file.read(1 << 20):
            digest.update(part)
            octets += len(part)
    return octets, digest.hexdigest(), time.monotonic() - begin


def hash_files():
    """{path on the disc: SHA-256} through the kernel's file system."""
    code, output = shell("mount", "-t", "iso9660", "-o", "ro", disc()[0], "/mnt")
    if code:
        raise OSError(output.strip())
    found = {}
    for folder, _, names in os.walk("/mnt"):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.relpath(file.name, "/mnt")] = hashlib.sha256(file.read()).hexdigest()
    shell("umount", "/mnt")
    return found


def drive(*requests):
    """[result] of CD-ROM requests: "eject", "close", "status", "unlock"."""
    calls = {
        "eject": (CDROM_EJECT, 0), "close": (CDROM_CLOSE_TRAY, 0), "status": (CDROM_DRIVE_STATUS, CURRENT_SLOT),
        "unlock": (CDROM_LOCK_DOOR, 0),
    }  # fmt: skip
    file = os.open("/dev/sr0", os.O_RDONLY | os.O_NONBLOCK)
    try:
        return [fcntl.ioctl(file, *calls[request]) for request in requests]
    finally:
        os.close(file)


SG_IO = 0x2285
TO_DEVICE, FROM_DEVICE, NOTHING = -2, -3, -1
CHECK_CONDITION = 2
# struct sg_io_hdr of scsi/sg.h
SG_HEADER = struct.Struct("@iiBBHI3PIIiPBBBBHHiII")


def scsi(commands):
    """[(status, (sense key, code, qualifier) or None, data)] of [(CDB, octets to read, octets to write)]."""
    file = os.open("/dev/sr0", os.O_RDONLY | os.O_NONBLOCK)
    try:
        return [_scsi(file, *command) for command in commands]
    finally:
        os.close(file)


def _scsi(file, cdb, length, out=b""):
    command, sense = ctypes.create_string_buffer(cdb, len(cdb)), ctypes.create_string_buffer(32)
    data = ctypes.create_string_buffer(out, max(length, len(out), 1))
    direction = TO_DEVICE if out else FROM_DEVICE if length else NOTHING
    addresses = map(ctypes.addressof, (data, command, sense))
    header = bytearray(SG_HEADER.pack(ord("S"), direction, len(cdb), 32, 0, len(out) or length, *addresses,
                                      PATIENCE * 1000, 0, 0, 0, *[0] * 9))  # fmt: skip
    fcntl.ioctl(file, SG_IO, header)
    *_, status, _, _, _, host_status, _, residue, _, _ = SG_HEADER.unpack(header)
    if host_status:
        raise OSError(f"{cdb.hex()}: host status {host_status}")
    told = sense.raw[2] & 15, sense.raw[12], sense.raw[13]
    return status, told if status == CHECK_CONDITION else None, data.raw[: max(length - residue, 0)]


# -- usbfs: requests by hand ------------------------------------------------------------------------------------------

USBDEVFS_CONTROL, USBDEVFS_BULK, USBDEVFS_CLEAR_HALT = 0xC0185500, 0xC0185502, 0x80045515
USBDEVFS_CLAIM, USBDEVFS_RELEASE = 0x8004550F, 0x80045510
opened = {}


def _usbfs():
    if "usbfs" not in opened:
        numbers = (int(read(f"{device()}/{part}")) for part in ("busnum", "devnum"))
        opened["usbfs"] = os.open("/dev/bus/usb/{:03}/{:03}".format(*numbers), os.O_RDWR)
    return opened["usbfs"]


def control(request_type, request, value, index, data=b"", length=0, ms=60000):
    """A control transfer; returns what came. BrokenPipeError: a stall."""
    buffer = ctypes.create_string_buffer(data, max(len(data), length, 1))
    size = length or len(data)
    asked = struct.pack("<BBHHHIxxxxQ", request_type, request, value, index, size, ms, ctypes.addressof(buffer))
    moved = fcntl.ioctl(_usbfs(), USBDEVFS_CONTROL, bytearray(asked))
    return buffer.raw[:moved]


def bulk(endpoint, data=b"", length=0, ms=60000):
    """A bulk transfer; returns what came, or how much went. BrokenPipeError: a stall; TimeoutError: nothing."""
    buffer = ctypes.create_string_buffer(data, max(len(data), length, 1))
    asked = struct.pack("<IIIxxxxQ", endpoint, length or len(data), ms, ctypes.addressof(buffer))
    moved = fcntl.ioctl(_usbfs(), USBDEVFS_BULK, bytearray(asked))
    return buffer.raw[:moved] if endpoint & 0x80 else moved


def clear_halt(endpoint):
    fcntl.ioctl(_usbfs(), USBDEVFS_CLEAR_HALT, struct.pack("<I", endpoint))


def take(interface, driver):
    """Take an interface from its driver."""
    with open(f"/sys/bus/usb/drivers/{driver}/unbind", "w") as file:
        file.write(f"{os.path.basename(device())}:1.{interface}")
    fcntl.ioctl(_usbfs(), USBDEVFS_CLAIM, struct.pack("<I", interface))


def give_back(interface, driver):
    """Give it back."""
    fcntl.ioctl(_usbfs(), USBDEVFS_RELEASE, struct.pack("<I", interface))
    with open(f"/sys/bus/usb/drivers/{driver}/bind", "w") as file:
        file.write(f"{os.path.basename(device())}:1.{interface}")


def round_trips(count):
    """[s] that as many control transfers (GET STATUS) took, sorted."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        control(0x80, 0, 0, 0, length=2)
        times.append(time.perf_counter() - begin)
    return sorted(times)


# -- the sound card ---------------------------------------------------------------------------------------------------

streams = {}


def card():
    """Number of the sound card."""
    if not os.path.exists("/proc/asound/card" + known.get("card", "-")):
        known["card"] = wait_for(lambda: glob.glob("/proc/asound/card*/usbid"))[0].split("/")[3].removeprefix("card")
    return known["card"]


def sound_card():
    """(its streams, its mixer controls) in ALSA's words."""
    return read(f"/proc/asound/card{card()}/stream0"), shell("amixer", "-c", card(), "scontents")[1]


def mix(control, *values):
    """Set a mixer control: "100%", "mute", "unmute"; returns amixer's answer."""
    return shell("amixer", "-c", card(), "sset", control, *values)


def sound(played=b"", record=False, rate=8000):
    """Begin to record, and to play 16-bit mono octets."""
    with open("/tmp/play", "wb") as file:
        file.write(played)
    if record:
        _begin("c", "arecord", rate, "/tmp/record")
        wait_for(lambda: _position("c"))  # so that the first sample is not played to nobody
    if played:
        _begin("p", "aplay", rate, "/tmp/play")


def _begin(kind, program, rate, path):
    form = ["-q", "-D", f"hw:{card()},0", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(rate)]
    process = subprocess.Popen([program, *form, "--buffer-time=2000000", path], stderr=subprocess.PIPE)
    streams[kind] = (process, [])


def _position(kind):
    """Frames that the hardware has done."""
    status = read(f"/proc/asound/card{card()}/pcm0{kind}/sub0/status")
    found = re.search(r"hw_ptr\s*:\s*(\d+)", status)
    return int(found[1]) if found else 0


def finish_sound(more=8000):
    """Wait for what plays and record so many samples more: {kind: ([(s, frames)], complaints)}, the recorded octets.

    `kind` is "p" or "c"; the marks say where the hardware was when.
    """
    if "p" in streams:
        _until(lambda: streams["p"][0].poll() is not None)
    if "c" in streams:
        process, marks = streams["c"]
        enough = _position("c") + more
        _until(lambda: process.poll() is not None or marks[-1][1] >= enough)
        process.send_signal(signal.SIGINT)
    told = {kind: (marks, process.communicate()[1].decode()) for kind, (process, marks) in streams.items()}
    streams.clear()
    if "c" not in told:
        return told, b""
    with open("/tmp/record", "rb") as file:
        return told, file.read()


def _until(done):
    """Mark where the hardware is until `done()`."""
    while True:
        for kind, (_, marks) in streams.items():
            if frames := _position(kind):
                marks.append((time.monotonic(), frames))
        if done():
            return
        time.sleep(0.1)


# -- HID --------------------------------------------------------------------------------------------------------------

HIDIOCGRDESCSIZE, HIDIOCGRDESC, HIDIOCSFEATURE, HIDIOCGFEATURE = 0x80044801, 0x90044802, 0xC0004806, 0xC0004807
reports = []


def _hidraw():
    if "hidraw" not in opened:
        opened["hidraw"] = os.open(wait_for(lambda: glob.glob("/dev/hidraw*"))[0], os.O_RDWR | os.O_NONBLOCK)
    return opened["hidraw"]


def report_descriptor():
    size = array.array("i", [0])
    fcntl.ioctl(_hidraw(), HIDIOCGRDESCSIZE, size)
    described = bytearray(struct.pack("<I", size[0]) + bytes(4096))
    fcntl.ioctl(_hidraw(), HIDIOCGRDESC, described)
    return bytes(described[4 : 4 + size[0]])


def input_report(seconds):
    """The next input report, or None."""
    return os.read(_hidraw(), 64) if select.select([_hidraw()], [], [], seconds)[0] else None


def output_report(octets):
    """Send one; the first octet is its number."""
    return os.write(_hidraw(), octets)


def feature(octets, number=0, length=64):
    """Set the feature report to `octets`, unless they are empty, and get it."""
    if octets:
        fcntl.ioctl(_hidraw(), HIDIOCSFEATURE | len(octets) + 1 << 16, bytearray(bytes([number]) + octets))
    answer = bytearray([number]) + bytes(length)
    size = fcntl.ioctl(_hidraw(), HIDIOCGFEATURE | len(answer) << 16, answer)
    return bytes(answer[1:size])


def close_files():
    """Let go of usbfs and hidraw."""
    while opened:
        os.close(opened.popitem()[1])


# -- the way in -------------------------------------------------------------------------------------------------------


def serve(port):
    """Do what comes from the host, until it hangs up."""
    connection = socket.socket()
    connection.connect((HOST, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = connection.makefile("rwb")
    while True:
        try:
            name, arguments, named = pickle.load(stream)
        except EOFError:
            return
        try:
            answer = True, globals()[name](*arguments, **named)
        except Exception as error:
            answer = False, error
        stream.write(pickle.dumps(answer))
        stream.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
