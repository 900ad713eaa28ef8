"""An echo that comes back stronger, and near-end noise under a loud echo: cases of G.168 the canceller once failed."""

import pytest

from femtohost.measure import suite

CASES = (
    ("5B NLP off", "d5", -16.0),  # an echo lost in companding noise made the steps too small for its return
    ("5B NLP on", "d9", -16.0),  # the gate gave up waiting while there was no echo to wait with
    ("5B NLP on", "d8", -10.0),  # the gate took the echo's return for a near talker
    ("2A b", "d3", -16.0),
    ("12", "d2", -16.0),
    ("12", "d8", -10.0),
    ("9A", "d8", -16.0),  # the companding noise of the echo counted as noise of the near end
    ("9A", "d2", 0.0),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)).replace(" ", "_"))
def test_inside_every_limit(case):
    assert suite.run_case(suite.Case(*case)).worst.margin_db > 0
