"""A CD-ROM drive, read-only: SCSI commands of MMC-3 (and SPC-2, where MMC refers to it) on a block source.

Commands come from femtojack.usb.msc. A command has data to send (a short answer or blocks of the medium), none, or it
fails; then REQUEST SENSE tells why. There is one session with one data track, mode 1.
"""

from struct import pack, pack_into

from micropython import const

BLOCK = const(2048)
FAILED = const(-1)

# Sense key << 16 | additional sense code << 8 | qualifier, MMC-3 annex B
_NO_SENSE = const(0)
_NO_MEDIUM = const(0x023A00)
_READ_ERROR = const(0x031100)
_UNKNOWN_OPCODE = const(0x052000)
_BLOCK_OUT_OF_RANGE = const(0x052100)
_BAD_FIELD = const(0x052400)
_NO_SUCH_UNIT = const(0x052500)
_NO_SAVED_PAGES = const(0x053900)
_REMOVAL_PREVENTED = const(0x055302)
_MEDIUM_CHANGED = const(0x062800)
_WRITE_PROTECTED = const(0x072700)

_EVENT_NONE = const(0)  # media events, MMC-3 table 96
_EVENT_NEW_MEDIA = const(2)
_EVENT_REMOVAL = const(3)
_CLASS_MEDIA = const(4)

_DATA_TRACK = const(0x14)  # ADR 1: position; control 4: data, copying prohibited
_LEAD_OUT = const(0xAA)
_LEAD_IN_FRAMES = const(150)  # address of block 0 is 00:02:00
_SPEED = const(706)  # kB/s of a 4x drive
_PROFILE_CD_ROM = const(0x0008)
_ANY_TIME = (0x03, 0x12, 0x46, 0x4A)  # commands that a unit attention does not stop, MMC-3 4.1.6.1

_ANSWER = const(256)


def _u32(cdb, at):
    return cdb[at] << 24 | cdb[at + 1] << 16 | cdb[at + 2] << 8 | cdb[at + 3]


def _u16(cdb, at):
    return cdb[at] << 8 | cdb[at + 1]


def _msf(block):
    """0, minute, second, frame of a block: 75 frames a second."""
    frames = block + _LEAD_IN_FRAMES
    return bytes((0, min(frames // 4500, 255), frames // 75 % 60, frames % 75))


def _text(text, size):
    return (text.encode() + b" " * size)[:size]


class Drive:
    """One drive. `blocks` is board.blocks or None: a drive without a medium.

    `command(lun, cdb)` -> octets that it has to send, or FAILED. They stand in `answer`, or, if `streaming`, are read
    piece by piece with `read(view)`.
    """

    def __init__(self, blocks, serial):
        self._blocks = blocks
        self._serial = serial
        self._answer = bytearray(_ANSWER)
        self.answer = memoryview(self._answer)
        self.streaming = False
        self._next = self._left = 0
        self._sense = _NO_SENSE
        self._known = 0
        self._loaded = True
        self._prevented = False
        self._attention = False
        self._event = _EVENT_NONE
        self.blocks_read = 0
        self._commands = {
            0x00: self._test_unit_ready,
            0x03: self._request_sense,
            0x12: self._inquiry,
            0x1A: self._mode_sense_6,
            0x1B: self._start_stop_unit,
            0x1E: self._prevent_allow,
            0x25: self._read_capacity,
            0x28: self._read_10,
            0x2B: self._seek,
            0x43: self._read_toc,
            0x46: self._get_configuration,
            0x4A: self._get_event_status,
            0x51: self._read_disc_information,
            0x52: self._read_track_information,
            0x5A: self._mode_sense_10,
            0xA0: self._report_luns,
            0xA8: self._read_12,
            0xBB: self._set_speed,
            0xBD: self._mechanism_status,
            0xBE: self._read_cd,
            0x2A: self._write,
            0x2E: self._write,
            0xAA: self._write,
        }
        self.step()
        self.reset()

    # -- medium ---------------------------------------------------------------------------------------------------

    def step(self):
        """Notice that the medium was changed, put in or taken out."""
        count = self._blocks.count if self._blocks else 0
        if count != self._known:
            self._change(True, count)

    def reset(self):
        """A host comes: the tray is closed, nothing is locked, and a medium that is there is news."""
        self._prevented = False
        self._loaded = True
        self._sense = _NO_SENSE
        self._attention = False
        self._event = _EVENT_NEW_MEDIA if self.present else _EVENT_NONE

    @property
    def present(self):
        return self._loaded and self._known > 0

    def _change(self, loaded, count):
        was_present = self.present
        self._loaded, self._known = loaded, count
        self._attention = self.present
        if self.present:
            self._event = _EVENT_NEW_MEDIA
        elif was_present:
            self._event = _EVENT_REMOVAL

    # -- commands -------------------------------------------------------------------------------------------------

    def command(self, lun, cdb):
        """Begin the command in `cdb`, 16 octets."""
        self.streaming = False
        opcode = cdb[0]
        if lun:
            return self.fail(_NO_SUCH_UNIT)
        if self._attention and opcode not in _ANY_TIME:
            self._attention = False
            return self.fail(_MEDIUM_CHANGED)
        handler = self._commands.get(opcode)
        if handler is None:
            return self.fail(_UNKNOWN_OPCODE)
        if opcode != 0x03:
            self._sense = _NO_SENSE
        return handler(cdb)

    def fail(self, sense):
        self._sense = sense
        return FAILED

    @property
    def sense(self):
        """Sense key << 16 | ASC << 8 | ASCQ of the last command; 0 if it was good."""
        return self._sense

    def _reply(self, data, allocation):
        """Answer with `data`, cut to what the command allows."""
        n = min(len(data), allocation)
        self._answer[:n] = data[:n]
        return n

    def _test_unit_ready(self, cdb):
        return 0 if self.present else self.fail(_NO_MEDIUM)

    def _request_sense(self, cdb):
        sense, self._sense = self._sense, _NO_SENSE
        if self._attention and not sense:
            self._attention = False
            sense = _MEDIUM_CHANGED
        data = bytearray(18)
        data[0], data[2], data[7], data[12], data[13] = 0x70, sense >> 16, 10, sense >> 8 & 255, sense & 255
        return self._reply(data, cdb[4])

    def _start_stop_unit(self, cdb):
        load_eject, start = cdb[4] & 2, cdb[4] & 1
        if not load_eject:
            return 0
        if not start and self._prevented:
            return self.fail(_REMOVAL_PREVENTED)
        if bool(start) != self._loaded:
            self._change(bool(start), self._known)
        return 0

    def _prevent_allow(self, cdb):
        self._prevented = bool(cdb[4] & 1)
        return 0

    def _seek(self, cdb):
        if not self.present:
            return self.fail(_NO_MEDIUM)
        return 0 if _u32(cdb, 2) < self._known else self.fail(_BLOCK_OUT_OF_RANGE)

    def _set_speed(self, cdb):
        return 0

    def _write(self, cdb):
        return self.fail(_WRITE_PROTECTED if self.present else _NO_MEDIUM)

    # -- who we are -----------------------------------------------------------------------------------------------

    def _inquiry(self, cdb):
        if cdb[1] & 1:
            return self._vital_product_data(cdb[2], _u16(cdb, 3))
        if cdb[2]:
            return self.fail(_BAD_FIELD)
        head = bytes((0x05, 0x80, 0, 0x02, 31, 0, 0, 0))  # CD/DVD device, removable, response format 2
        return self._reply(head + _text("femtojck", 8) + _text("Installer CD-ROM", 16) + _text("0100", 4), _u16(cdb, 3))

    def _vital_product_data(self, page, allocation):
        serial = self._serial.encode()
        if page == 0x00:
            data = bytes((0x00, 0x80, 0x83))
        elif page == 0x80:
            data = serial
        elif page == 0x83:  # T10 vendor identification, ASCII
            name = _text("femtojck", 8) + serial
            data = bytes((0x02, 0x01, 0, len(name))) + name
        else:
            return self.fail(_BAD_FIELD)
        return self._reply(bytes((0x05, page, 0, len(data))) + data, allocation)

    def _report_luns(self, cdb):
        return self._reply(pack(">II", 8, 0) + bytes(8), _u32(cdb, 6))

    def _mode_sense_6(self, cdb):
        return self._mode_sense(cdb, 1, cdb[4])

    def _mode_sense_10(self, cdb):
        return self._mode_sense(cdb, 2, _u16(cdb, 7))

    def _mode_sense(self, cdb, length_size, allocation):
        """A header whose length field has `length_size` octets, and the pages that were asked for."""
        page = cdb[2] & 0x3F
        if cdb[2] >> 6 == 3:
            return self.fail(_NO_SAVED_PAGES)
        data = b""
        if page in (0x01, 0x3F):
            data += bytes((0x01, 10)) + bytes(10)  # error recovery as it is
        if page in (0x2A, 0x3F):
            data += self._capabilities()
        if not data or cdb[3] not in (0, 0xFF):
            return self.fail(_BAD_FIELD)
        medium = 0x01 if self.present else 0x70 if self._loaded else 0x71  # 120 mm data, closed and empty, open
        if length_size == 1:
            return self._reply(bytes((3 + len(data), medium, 0, 0)) + data, allocation)
        return self._reply(pack(">HBBHH", 6 + len(data), medium, 0, 0, 0) + data, allocation)

    def _capabilities(self):
        """MM capabilities and mechanical status, MMC-3 5.5.10: reads CD-ROM, tray, can lock and eject."""
        mechanism = 0x29 | (0x02 if self._prevented else 0)
        fields = (0, 0, 0, 0, mechanism, 0, _SPEED, 0, BLOCK // 1024, _SPEED)
        return bytes((0x2A, 30)) + pack(">BBBBBBHHHH", *fields) + bytes(16)  # it writes nothing

    def _get_configuration(self, cdb):
        requested, start = cdb[1] & 3, _u16(cdb, 2)
        if requested == 3:
            return self.fail(_BAD_FIELD)
        data = b""
        for code, current, feature in self._features():
            if code == start if requested == 2 else code >= start and (current or requested == 0):
                data += feature
        profile = _PROFILE_CD_ROM if self.present else 0
        return self._reply(pack(">IHH", 4 + len(data), 0, profile) + data, _u16(cdb, 7))

    def _features(self):
        """(code, current, descriptor) of each, MMC-3 5.3."""
        here = self.present
        return (
            _feature(0x0000, 0, True, True, pack(">HBB", _PROFILE_CD_ROM, here, 0)),  # profile list
            _feature(0x0001, 1, True, True, pack(">IBBH", 8, 1, 0, 0)),  # core: USB
            _feature(0x0002, 0, True, True, bytes(4)),  # morphing: events are polled
            _feature(0x0003, 0, True, True, bytes((0x29, 0, 0, 0))),  # removable: tray, eject, lock
            _feature(0x0010, 0, False, here, pack(">IHBB", BLOCK, 1, 0, 0)),  # random readable
            _feature(0x001E, 2, False, here, bytes(4)),  # CD read
            _feature(0x0105, 0, True, True, bytes(4)),  # timeout
        )

    def _get_event_status(self, cdb):
        if not cdb[1] & 1:  # asynchronous
            return self.fail(_BAD_FIELD)
        allocation = _u16(cdb, 7)
        if not cdb[4] & 1 << _CLASS_MEDIA:
            return self._reply(bytes((0, 2, 0x80, 1 << _CLASS_MEDIA)), allocation)
        event = self._event
        if allocation > 4:
            self._event = _EVENT_NONE
        status = 0x02 if self.present else 0 if self._loaded else 0x01  # medium there; tray open
        return self._reply(bytes((0, 6, _CLASS_MEDIA, 1 << _CLASS_MEDIA, event, status, 0, 0)), allocation)

    def _mechanism_status(self, cdb):
        tray = 0 if self._loaded else 0x10
        return self._reply(bytes((0, tray, 0, 0, 0, 0, 0, 0)), _u16(cdb, 8))

    # -- the disc -------------------------------------------------------------------------------------------------

    def _read_capacity(self, cdb):
        if not self.present:
            return self.fail(_NO_MEDIUM)
        return self._reply(pack(">II", self._known - 1, BLOCK), 8)

    def _read_toc(self, cdb):
        if not self.present:
            return self.fail(_NO_MEDIUM)
        form = cdb[2] & 0x0F or cdb[9] >> 6  # the second is SFF-8020's place, which Linux and macOS still use
        msf, first, allocation = cdb[1] & 2, cdb[6], _u16(cdb, 7)
        if form == 0 and (first <= 1 or first == _LEAD_OUT):
            rows = b"" if first == _LEAD_OUT else self._toc_row(1, 0, msf)
            data = bytes((1, 1)) + rows + self._toc_row(_LEAD_OUT, self._known, msf)
        elif form == 1:
            data = bytes((1, 1)) + self._toc_row(1, 0, msf)
        elif form == 2 and first <= 1:
            data = bytes((1, 1)) + self._full_toc()
        else:
            return self.fail(_BAD_FIELD)
        return self._reply(pack(">H", len(data)) + data, allocation)

    def _toc_row(self, track, block, msf):
        return bytes((0, _DATA_TRACK, track, 0)) + (_msf(block) if msf else pack(">I", block))

    def _full_toc(self):
        """MMC-3 table 237: first track, last track, lead-out, track 1."""
        points = ((0xA0, b"\0\1\0\0"), (0xA1, b"\0\1\0\0"), (0xA2, _msf(self._known)), (1, _msf(0)))
        return b"".join([bytes((1, _DATA_TRACK, 0, point, 0, 0, 0)) + address for point, address in points])

    def _read_disc_information(self, cdb):
        if not self.present:
            return self.fail(_NO_MEDIUM)
        data = bytearray(34)
        # Closed disc, closed session; first track 1, 1 session, whose tracks are 1 to 1; unrestricted use
        pack_into(">HBBBBBB", data, 0, 32, 0x0E, 1, 1, 1, 1, 0x20)
        pack_into(">II", data, 16, 0xFFFFFFFF, 0xFFFFFFFF)  # no next session
        return self._reply(data, _u16(cdb, 7))

    def _read_track_information(self, cdb):
        if not self.present:
            return self.fail(_NO_MEDIUM)
        kind, number = cdb[1] & 3, _u32(cdb, 2)
        if kind == 0 and number >= self._known:
            return self.fail(_BLOCK_OUT_OF_RANGE)
        if kind == 3 or (kind and number != 1):
            return self.fail(_BAD_FIELD)
        data = bytearray(36)
        pack_into(">HBBBBB", data, 0, 34, 1, 1, 0, 4, 1)  # track 1, session 1, data track, mode 1
        pack_into(">I", data, 24, self._known)
        return self._reply(data, _u16(cdb, 7))

    # -- blocks ---------------------------------------------------------------------------------------------------

    def _read_10(self, cdb):
        return self._begin(_u32(cdb, 2), _u16(cdb, 7))

    def _read_12(self, cdb):
        return self._begin(_u32(cdb, 2), _u32(cdb, 6))

    def _read_cd(self, cdb):
        """User data of mode 1 or of any sector, and nothing else; or nothing at all."""
        if cdb[1] >> 2 & 7 not in (0, 2) or cdb[9] not in (0x00, 0x10) or cdb[10] & 7:
            return self.fail(_BAD_FIELD)
        count = cdb[6] << 16 | _u16(cdb, 7)
        return self._begin(_u32(cdb, 2), count if cdb[9] else 0)

    def _begin(self, block, count):
        if not self.present:
            return self.fail(_NO_MEDIUM)
        if block > self._known or count > self._known - block or (block == self._known and not count):
            return self.fail(_BLOCK_OUT_OF_RANGE)
        self._next, self._left = block, count
        self.streaming = True
        return count * BLOCK

    def read(self, view):
        """The next len(view) octets, whole blocks, of what the command asked for. False: the medium failed."""
        count = len(view) // BLOCK
        if count > self._left or not self.present or self._next + count > self._known:
            self.fail(_NO_MEDIUM if not self.present else _READ_ERROR)
            return False
        try:
            self._blocks.read(self._next, view)
        except OSError:
            self.fail(_READ_ERROR)
            return False
        self._next += count
        self._left -= count
        self.blocks_read += count
        return True


def _feature(code, version, persistent, current, data):
    flags = version << 2 | persistent << 1 | current
    return code, current, pack(">HBB", code, flags, len(data)) + data
