"""Networks for tests, and what Wireshark saw of them."""

import pytest
from osmocom import config
from osmocom.network import Network, why_not


@pytest.fixture(scope="module", params=["SEPARATE", "COMBINED"])
def network(request, tmp_path_factory):
    """A network on the air: signalling on an SDCCH/8 of the second carrier, then on an SDCCH/4 beside the broadcast."""
    if reason := why_not():
        pytest.skip(reason)
    slots = getattr(config, request.param)
    network = Network(tmp_path_factory.mktemp("osmocom") / "network", slots)
    yield network
    network.stop()
