"""The firmware update by feature reports: commands 5 to 8 of femtojack.usb.hid, and what the report tells of it."""

from struct import pack, unpack

from micropython import const

from femtojack.flash.update import STATES

FIRST = const(5)  # number of the first command
_MOST = const(58)  # octets of the file in a command
_NO_SLOT = const(255)


class Loader:
    """`boot` is femtojack.flash.boot.Boot."""

    def __init__(self, boot):
        self._boot = boot
        self._updater = boot.updater
        self.commands = (self._begin, self._data, self._end, self._abort)

    def obey(self, command, now):
        """Do a command, its number and operand; False: refused, None: there is no such one."""
        which = command[0] - FIRST if command else -1
        return self.commands[which](command[1:], now) if 0 <= which < len(self.commands) else None

    def report(self):
        """Octets 40 to 47 of the feature report."""
        boot, updater = self._boot, self._updater
        slot = boot.number if boot.manifest else _NO_SLOT
        flags = boot.trial | (boot.fault is not None) << 1
        return pack("<BBBBI", STATES.index(updater.state), updater.result, slot, flags, updater.taken)

    def _begin(self, operand, now):
        return len(operand) >= 4 and self._updater.begin(unpack("<I", bytes(operand[:4]))[0])

    def _data(self, operand, now):
        """All of it is taken, or nothing; what was taken already is so again."""
        if len(operand) < 5 or not 0 < operand[4] <= min(_MOST, len(operand) - 5):
            return False
        updater, offset, count = self._updater, unpack("<I", bytes(operand[:4]))[0], operand[4]
        if offset + count == updater.taken:
            return True
        return offset == updater.taken and count <= updater.room and updater.write(operand[5 : 5 + count]) == count

    def _end(self, operand, now):
        return self._updater.end()

    def _abort(self, operand, now):
        return self._updater.abort()
