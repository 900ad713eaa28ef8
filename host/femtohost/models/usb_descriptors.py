"""A host's reading of USB descriptors: USB 2.0 9.6, for a full-speed device."""

import struct
from dataclasses import dataclass, field

# USB 2.0 table 9-5
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5
INTERFACE_ASSOCIATION = 11  # Interface Association Descriptors ECN
DEVICE_LENGTH, CONFIGURATION_LENGTH = 18, 9  # USB 2.0 tables 9-8, 9-10

# USB 2.0 table 9-13: bmAttributes 1:0
CONTROL, ISOCHRONOUS, BULK, INTERRUPT = range(4)
DIRECTION_IN = 0x80

# USB 2.0 5.6.3, 5.7.3, 5.8.3: what a full-speed endpoint may have as wMaxPacketSize
PACKET_SIZES = {ISOCHRONOUS: range(1024), BULK: (8, 16, 32, 64), INTERRUPT: range(65)}


class DescriptorError(ValueError):
    """A descriptor that is not as USB 2.0 9.6 has it; one line."""


@dataclass
class Endpoint:
    """One endpoint descriptor; `extra` are the class-specific descriptors behind it."""

    address: int
    attributes: int
    packet_size: int
    interval: int
    extra: list = field(default_factory=list)

    @property
    def type(self):
        return self.attributes & 3

    @property
    def is_in(self):
        return bool(self.address & DIRECTION_IN)


@dataclass
class Interface:
    """One alternate setting of an interface.

    `extra` are its class-specific descriptors, `start` and `end` where it stands in the configuration descriptor,
    `associated` how many interfaces an association right before it counts, 0 without one.
    """

    number: int
    alternate: int
    class_: int
    subclass: int
    protocol: int
    string: int
    start: int
    associated: int
    end: int = 0
    endpoints: list = field(default_factory=list)
    extra: list = field(default_factory=list)


@dataclass
class Configuration:
    """A configuration: `interfaces` has every alternate setting, in order."""

    value: int
    attributes: int
    interfaces: list
    octets: bytes

    def interface(self, number, alternate=0):
        """The Interface, or None."""
        found = (i for i in self.interfaces if (i.number, i.alternate) == (number, alternate))
        return next(found, None)

    def endpoint(self, address):
        """The first endpoint descriptor of that address in any alternate setting, or None."""
        return next((e for i in self.interfaces for e in i.endpoints if e.address == address), None)


def walk(octets):
    """(offset, descriptor) of each descriptor in `octets`."""
    offset = 0
    while offset < len(octets):
        length = octets[offset]
        if length < 2 or offset + length > len(octets):
            raise DescriptorError(f"a descriptor of {length} octets at offset {offset} of {len(octets)}")
        yield offset, octets[offset : offset + length]
        offset += length


def parse_device(octets):
    """The fields of a device descriptor that matter, as a dict. DescriptorError."""
    if len(octets) != DEVICE_LENGTH or octets[:2] != bytes((DEVICE_LENGTH, DEVICE)):
        raise DescriptorError(f"a device descriptor of {len(octets)} octets")
    usb, class_, subclass, protocol, packet_size = struct.unpack_from("<HBBBB", octets, 2)
    vendor, product, release, manufacturer, name, serial, configurations = struct.unpack_from("<HHHBBBB", octets, 8)
    return {
        "usb": usb, "class": class_, "subclass": subclass, "protocol": protocol, "packet_size": packet_size,
        "vendor": vendor, "product": product, "release": release, "manufacturer": manufacturer, "name": name,
        "serial": serial, "configurations": configurations,
    }  # fmt: skip


def parse_configuration(octets):
    """The Configuration of a whole configuration descriptor. DescriptorError says what is wrong with it."""
    octets = bytes(octets)
    if len(octets) < CONFIGURATION_LENGTH or octets[:2] != bytes((CONFIGURATION_LENGTH, CONFIGURATION)):
        raise DescriptorError("no configuration descriptor")
    total, count, value, _, attributes = struct.unpack_from("<HBBBB", octets, 2)
    if total != len(octets):
        raise DescriptorError(f"wTotalLength {total}, but {len(octets)} octets")
    configuration = Configuration(value, attributes, _interfaces(octets), octets)
    _check(configuration, count)
    return configuration


def _interfaces(octets):
    interfaces, associated, owner = [], 0, None
    for offset, descriptor in walk(octets):
        kind = descriptor[1]
        if kind == INTERFACE:
            number, alternate, _, class_, subclass, protocol, string = struct.unpack_from("<7B", descriptor, 2)
            interfaces.append(Interface(number, alternate, class_, subclass, protocol, string, offset, associated))
            owner = interfaces[-1]
        elif kind == ENDPOINT and interfaces:
            owner = Endpoint(*struct.unpack_from("<BBHB", descriptor, 2))
            interfaces[-1].endpoints.append(owner)
        elif owner and kind != INTERFACE_ASSOCIATION:
            owner.extra.append(descriptor)
        if interfaces:
            interfaces[-1].end = offset + len(descriptor)
        associated = descriptor[3] if kind == INTERFACE_ASSOCIATION else 0
    return interfaces


def _check(configuration, count):
    numbers = {i.number for i in configuration.interfaces}
    if numbers != set(range(count)):
        raise DescriptorError(f"bNumInterfaces {count}, but interfaces {sorted(numbers)}")
    taken = {}
    for interface in configuration.interfaces:
        declared = configuration.octets[interface.start + 4]
        if declared != len(interface.endpoints):
            raise DescriptorError(
                f"interface {interface.number}: bNumEndpoints {declared}, but {len(interface.endpoints)} follow"
            )
        for endpoint in interface.endpoints:
            _check_endpoint(endpoint)
            if taken.setdefault(endpoint.address, interface.number) != interface.number:
                raise DescriptorError(f"endpoint {endpoint.address:#04x} stands in two interfaces")


def _check_endpoint(endpoint):
    number = endpoint.address & 0x0F
    if endpoint.address & 0x70 or number == 0 or endpoint.type == CONTROL:
        raise DescriptorError(f"endpoint {endpoint.address:#04x}, attributes {endpoint.attributes:#04x}")
    if endpoint.packet_size not in PACKET_SIZES[endpoint.type]:
        raise DescriptorError(f"endpoint {endpoint.address:#04x}: wMaxPacketSize {endpoint.packet_size} at full speed")
