"""USB descriptors, made by functions whose arguments have the standards' field names.

Lengths, counts and totals are computed, never written down. USB 2.0 chapter 9, USB Audio Class 1.0 (UAC1) chapter 4
with USB Audio Data Formats 1.0 2.2, and HID 1.11 chapter 6.
"""

from struct import pack

from micropython import const

_DEVICE = const(1)  # USB 2.0 table 9-5
_CONFIGURATION = const(2)
_INTERFACE = const(4)
_ENDPOINT = const(5)
HID = const(0x21)  # HID 1.11 7.1
REPORT = const(0x22)
_CS_INTERFACE = const(0x24)  # UAC1 table A-4
_CS_ENDPOINT = const(0x25)

OUT = const(0x00)  # bit 7 of bEndpointAddress
IN = const(0x80)

ISOCHRONOUS = const(1)  # bmAttributes of an endpoint, USB 2.0 table 9-13
BULK = const(2)
INTERRUPT = const(3)
ASYNCHRONOUS = const(0x04)  # added to ISOCHRONOUS
ADAPTIVE = const(0x08)

_HEADER = const(1)  # UAC1 table A-5
_INPUT_TERMINAL = const(2)
_OUTPUT_TERMINAL = const(3)
_FEATURE_UNIT = const(6)
_AS_GENERAL = const(1)  # UAC1 table A-6
_FORMAT_TYPE = const(2)
_EP_GENERAL = const(1)  # UAC1 table A-7
_PCM = const(1)  # Formats A.1.1
_TYPE_I = const(1)


def _descriptor(kind, body):
    return bytes((2 + len(body), kind)) + body


BY_INTERFACE = (0, 0, 0)  # class of a device: its interfaces tell, USB 2.0 table 9-8
ASSOCIATED = (0xEF, 2, 1)  # class of a device with interface association descriptors, USB 2.0 ECN IAD table 9-Z


def device(id_vendor, id_product, bcd_device, i_manufacturer, i_product, i_serial_number, device_class=BY_INTERFACE):
    """USB 1.1, class told by the interfaces or ASSOCIATED, 64 octets at endpoint 0, one configuration."""
    body = pack(
        "<HBBBBHHHBBBB",
        0x0110, *device_class, 64, id_vendor, id_product, bcd_device, i_manufacturer, i_product, i_serial_number, 1,
    )  # fmt: skip
    return _descriptor(_DEVICE, body)


def configuration(interfaces, max_power_ma, count=0, others=b""):
    """A bus-powered configuration. `interfaces`: one list of descriptors for each, alternate settings included;
    before them stand the descriptors `others` of `count` more."""
    body = others + b"".join([b"".join(interface) for interface in interfaces])
    fields = pack("<HBBBBB", 9 + len(body), count + len(interfaces), 1, 0, 0x80, max_power_ma // 2)
    return _descriptor(_CONFIGURATION, fields) + body


def interface(number, alternate, num_endpoints, interface_class, subclass=0, protocol=0):
    return _descriptor(_INTERFACE, bytes((number, alternate, num_endpoints, interface_class, subclass, protocol, 0)))


def endpoint(address, attributes, max_packet_size, interval=0):
    return _descriptor(_ENDPOINT, pack("<BBHB", address, attributes, max_packet_size, interval))


def hid(report_descriptor):
    """HID 1.11 6.2.1: no country, one report descriptor."""
    return _descriptor(HID, pack("<HBBBH", 0x0111, 0, 1, REPORT, len(report_descriptor)))


# -- audio, UAC1 --------------------------------------------------------------------------------------------------


def audio_control(streaming_interfaces, units):
    """4.3.2: the header, which counts itself and `units`, and they."""
    body = b"".join(units)
    header_size = 8 + len(streaming_interfaces)
    fields = pack("<BHHB", _HEADER, 0x0100, header_size + len(body), len(streaming_interfaces))
    return _descriptor(_CS_INTERFACE, fields + bytes(streaming_interfaces)) + body


def input_terminal(terminal_id, terminal_type, assoc_terminal):
    """4.3.2.1, one channel."""
    return _descriptor(
        _CS_INTERFACE, pack("<BBHBBHBB", _INPUT_TERMINAL, terminal_id, terminal_type, assoc_terminal, 1, 0, 0, 0)
    )


def output_terminal(terminal_id, terminal_type, assoc_terminal, source_id):
    """4.3.2.2"""
    return _descriptor(
        _CS_INTERFACE, pack("<BBHBBB", _OUTPUT_TERMINAL, terminal_id, terminal_type, assoc_terminal, source_id, 0)
    )


def feature_unit(unit_id, source_id, controls):
    """4.3.2.5, one channel: `controls` is bmaControls(0), the master's; channel 1 has none of its own."""
    return _descriptor(_CS_INTERFACE, bytes((_FEATURE_UNIT, unit_id, source_id, 1, controls, 0, 0)))


def audio_streaming(terminal_link, sample_rate):
    """4.5.2 and Formats 2.2.5: 16-bit linear, one channel, one sampling rate."""
    rate = bytes((sample_rate & 255, sample_rate >> 8 & 255, sample_rate >> 16))
    return _descriptor(_CS_INTERFACE, pack("<BBBH", _AS_GENERAL, terminal_link, 1, _PCM)) + _descriptor(
        _CS_INTERFACE, bytes((_FORMAT_TYPE, _TYPE_I, 1, 2, 16, 1)) + rate
    )


def audio_endpoint(address, synchronization, max_packet_size):
    """4.6.1: an isochronous endpoint, a packet each frame, with 4.6.1.2: no controls."""
    fields = pack("<BBHBBB", address, ISOCHRONOUS | synchronization, max_packet_size, 1, 0, 0)
    return _descriptor(_ENDPOINT, fields) + _descriptor(_CS_ENDPOINT, bytes((_EP_GENERAL, 0, 0, 0, 0)))
