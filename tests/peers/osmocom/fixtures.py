"""A network for the tests of a module, phones on it, and what others say of the air between them."""

import pytest
import um_oracle
from capture import Capture
from capture import why_not as why_no_capture
from osmocom import config
from osmocom.network import Network, why_not
from osmocom.phones import Phones


@pytest.fixture(scope="module")
def network(request, tmp_path_factory):
    """A network on the air; its time slots (osmocom.config) can be an indirect parameter."""
    if reason := why_not():
        pytest.skip(reason)
    slots = getattr(request, "param", config.SEPARATE)
    network = Network(tmp_path_factory.mktemp("osmocom") / "network", slots)
    yield network
    network.stop()


@pytest.fixture(scope="module")
def um_phones(network, tmp_path_factory):
    """osmocom.phones.Phones. In the end neither pycrate nor Wireshark has anything against what went over the air."""
    if reason := why_no_capture():
        pytest.skip(reason)
    path = tmp_path_factory.mktemp("um") / "um.pcapng"
    phones = Phones(network)
    with network.namespace:
        capture = Capture(path)
    yield phones
    phones.close()
    capture.stop()
    assert [phone.bad for phone in phones.all] == [(0, 0)] * len(phones.all)
    assert um_oracle.pycrate_complaints(path) == []
    assert um_oracle.wireshark_complaints(path) == []
