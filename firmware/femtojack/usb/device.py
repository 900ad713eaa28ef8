"""The composite device: its descriptors, and the callbacks of machine.USBDevice shared out to the functions.

Interfaces: mass storage, then, where the board has a sound card, AudioControl, capture, playback, and last the
telephone. The sound card's own requests and endpoints are board.usb_audio's. What the board keeps of its image's own
functions (board.usb.builtin_driver) comes before all, and has the first numbers.
"""

from micropython import const

from femtojack.usb import descriptors as d
from femtojack.usb import hid
from femtojack.usb.mmc import Drive
from femtojack.usb.msc import MassStorage
from femtojack.usb.pipe import Pipe
from femtojack.usb.uac import SoundCard

_VENDOR = const(0x1209)  # pid.codes, its number for tests
_PRODUCT = const(0x0001)
_RELEASE = const(0x0100)
_POWER_MA = const(500)
_MANUFACTURER = "femtojack"
_NAME = "Telephone Gateway"
NO_IDENTITY = "NO-IDENTITY"
_LONGEST_STRING = const(32)
_HEADER_SIZE = const(9)  # octets of the configuration descriptor itself

_MSC = const(0)  # interface numbers, after those of others
_AUDIO_CONTROL = const(1)
_CAPTURE = const(2)
_PLAYBACK = const(3)

_MSC_IN = const(0x80)  # endpoint addresses, the number after those of others
_MSC_OUT = const(0x01)
_CAPTURE_IN = const(0x82)
_PLAYBACK_OUT = const(0x03)
_HID_IN = const(0x84)

_USB_STREAMING = const(0x0101)  # terminal types, USB Audio Terminal Types 1.0
_HANDSET = const(0x0401)
_FROM_PC = const(1)  # terminals and units
_VOLUME = const(2)
_TO_LINE = const(3)
_FROM_LINE = const(4)
_TO_PC = const(5)
_MUTE_AND_VOLUME = const(0x03)  # bmaControls

_CLASS_AUDIO = const(1)
_CLASS_HID = const(3)
_CLASS_STORAGE = const(8)
_CONTROL = const(1)  # subclasses of audio
_STREAMING = const(2)
_SCSI = const(0x06)  # subclass and protocol of mass storage
_BULK_ONLY = const(0x50)

_SETUP = const(1)  # stages of control_xfer_cb
_DATA = const(2)
_CLEAR_HALT = const(1)  # CLEAR_FEATURE, USB 2.0 table 9-4; the feature ENDPOINT_HALT is 0


class Place:
    """Where our functions begin: numbers of their first `interface` and first `endpoint`, after `others`, the
    descriptors of the driver that is built into the image (machine.USBDevice's builtin_driver; None: there is none)."""

    def __init__(self, builtin=None):
        self.interface, self.endpoint, self.others = 0, 1, b""
        if builtin:
            self.interface, self.endpoint = builtin.itf_max, max(builtin.ep_max, 1)
            self.others = bytes(builtin.desc_cfg)[_HEADER_SIZE:]


def _storage(place):
    return [
        d.interface(place.interface + _MSC, 0, 2, _CLASS_STORAGE, _SCSI, _BULK_ONLY),
        d.endpoint(place.endpoint + _MSC_IN, d.BULK, 64),
        d.endpoint(place.endpoint + _MSC_OUT, d.BULK, 64),
    ]


def _audio_control(place):
    units = (
        d.input_terminal(_FROM_PC, _USB_STREAMING, 0),
        d.feature_unit(_VOLUME, _FROM_PC, _MUTE_AND_VOLUME),
        d.output_terminal(_TO_LINE, _HANDSET, _FROM_LINE, _VOLUME),
        d.input_terminal(_FROM_LINE, _HANDSET, _TO_LINE),
        d.output_terminal(_TO_PC, _USB_STREAMING, 0, _FROM_LINE),
    )
    return [
        d.interface(place.interface + _AUDIO_CONTROL, 0, 0, _CLASS_AUDIO, _CONTROL),
        d.audio_control((place.interface + _CAPTURE, place.interface + _PLAYBACK), units),
    ]


def _streaming(number, terminal, address, synchronization, rates):
    """Alternate 0 is empty; the others carry one of `rates` each, a packet a millisecond."""
    found = [d.interface(number, 0, 0, _CLASS_AUDIO, _STREAMING)]
    for i, rate in enumerate(rates):
        found += [
            d.interface(number, 1 + i, 1, _CLASS_AUDIO, _STREAMING),
            d.audio_streaming(terminal, rate),
            d.audio_endpoint(address, synchronization, rate // 1000 * 2),
        ]
    return found


def _telephone(number, address, report_descriptor):
    return [
        d.interface(number, 0, 1, _CLASS_HID),
        d.hid(report_descriptor),
        d.endpoint(address, d.INTERRUPT, 64, 10),
    ]


def configuration(report_descriptor, with_audio=True, place=None):
    """The configuration descriptor, whole."""
    place = place or Place()
    first, endpoint = place.interface, place.endpoint
    interfaces = [_storage(place)]
    if with_audio:
        interfaces += [
            _audio_control(place),
            _streaming(first + _CAPTURE, _TO_PC, endpoint + _CAPTURE_IN, d.ASYNCHRONOUS, (8000,)),
            _streaming(first + _PLAYBACK, _FROM_PC, endpoint + _PLAYBACK_OUT, d.ADAPTIVE, (16000, 8000)),
        ]
    interfaces.append(_telephone(first + len(interfaces), endpoint + _HID_IN, report_descriptor))
    return d.configuration(interfaces, _POWER_MA, first, place.others)


def serial_number(store):
    """The identity of a box without a flash, as a string of printable ASCII."""
    stored = store.get("serial") if store else None
    text = "".join([chr(c) for c in stored[:_LONGEST_STRING] if 0x20 < c < 0x7F]) if stored else ""
    return text or NO_IDENTITY


def _sound_card(board, first):
    if not board.usb_audio:
        return None
    return SoundCard(board.usb_audio, board.voice.pcm_halve, first + _CAPTURE, first + _PLAYBACK)


class Device:
    """The device on `board.usb`, switched on at once. `serial` is its serial number, `blocks` the disc in its drive.

    Its functions: `storage` with its `drive`, `telephone`, and `card`, None where the board has no sound card.
    """

    def __init__(self, board, serial, blocks):
        self._usb = usb = board.usb
        with_audio = board.usb_audio is not None
        report_descriptor = hid.report_descriptor()
        place = Place(usb.builtin_driver)
        self._msc_interface = place.interface + _MSC
        self._hid_interface = place.interface + (4 if with_audio else 1)
        self._functions(board, place, serial, blocks, report_descriptor)
        self._was_reset = True
        self._configured = False
        usb.active(False)
        usb.config(
            d.device(_VENDOR, _PRODUCT, _RELEASE, 1, 2, 3, d.ASSOCIATED if place.others else d.BY_INTERFACE),
            configuration(report_descriptor, with_audio, place),
            [None, _MANUFACTURER, _NAME, serial],
            self._opened,
            self._reset,
            self._control,
            self._transferred,
        )
        usb.active(True)

    def _functions(self, board, place, serial, blocks, report_descriptor):
        storage_in, storage_out, hid_in = [
            Pipe(board.usb, place.endpoint + address) for address in (_MSC_IN, _MSC_OUT, _HID_IN)
        ]
        self.drive = Drive(blocks, serial)
        self.storage = MassStorage(self.drive, storage_in, storage_out, board.trace)
        self.telephone = hid.Telephone(hid_in, d.hid(report_descriptor), report_descriptor)
        self.card = _sound_card(board, place.interface)
        self._pipes = (storage_in, storage_out, hid_in)

    # -- callbacks; may come between any two bytecodes --------------------------------------------------------------

    def _reset(self):
        self._was_reset = True
        self._configured = False

    def _opened(self, view):
        self._configured = True

    def _transferred(self, address, result, n):
        for pipe in self._pipes:
            if pipe.address == address:
                pipe.complete(result, n)

    def _control(self, stage, setup):
        """control_xfer_cb: False stalls, True goes on, a buffer is the data or the place for it."""
        kind, request = setup[0], setup[1]
        value, index, length = setup[2] | setup[3] << 8, setup[4] | setup[5] << 8, setup[6] | setup[7] << 8
        if stage != _SETUP:
            if stage == _DATA and kind == 0x21 and index == self._hid_interface:
                self.telephone.received(request, value)
            return True
        if kind == 0x02 and request == _CLEAR_HALT and value == length == 0:
            return self._cleared(index)
        if index == self._msc_interface:
            return self.storage.control(kind, request, value, length)
        if index == self._hid_interface:
            return self.telephone.control(kind, request, value, length)
        return False

    def _cleared(self, address):
        storage_in, storage_out, hid_in = self._pipes
        if address == storage_in.address or address == storage_out.address:
            self.storage.cleared(address)
        else:
            hid_in.cleared()
        return True

    # -- step -----------------------------------------------------------------------------------------------------

    def step(self):
        """Serve what came in."""
        if self._was_reset:
            self._was_reset = False
            self.storage.bus_reset()
            self.telephone.bus_reset()
        if self._configured:
            self.storage.step()
            self.telephone.step()
            if self.card:
                self.card.step()
