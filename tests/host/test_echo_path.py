import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.echo_path import LONGEST, NAMES, EchoPath, PathError, load_path, speech_gain

# G.168 Annex D: taps, first value, position of the largest value, K of the models of clauses D.2 to D.9.
MODELS = {
    "d2": (64, 6, 1.39e-5), "d3": (96, 12, 1.44e-5), "d4": (96, 9, 1.52e-5), "d5": (128, 17, 1.77e-5),
    "d6": (96, 28, 9.33e-6), "d7": (120, 35, 1.51e-5), "d8": (96, 22, 2.33e-5), "d9": (99, 14, 1.33e-5),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_models(name):
    path = load_path(name)
    taps, peak, k = MODELS[name]
    assert (path.name, path.taps.size, int(np.argmax(np.abs(path.taps)))) == (name, taps, peak)
    assert path.taps.dtype == np.float64
    assert path.taps / k == pytest.approx(np.rint(path.taps / k), abs=1e-6)
    # K was made for the composite source signal; noise alone with its spectrum comes within 0.6 dB.
    assert 10 * np.log10(speech_gain(path.taps)) == pytest.approx(0.0, abs=0.6)


def test_first_taps_of_d2():
    assert load_path("d2").taps[:3] == pytest.approx(1.39e-5 * np.array([-436, -829, -2797]))


def test_scaled():
    path = load_path("d4")
    assert path.scaled(6.0) == pytest.approx(path.taps / 10**0.3)
    assert path.scaled(0.0) == pytest.approx(path.taps)


def write(tmp_path, text):
    file = tmp_path / "my path.csv"
    file.write_text(text)
    return file


def test_forms_of_a_file(tmp_path):
    expected = np.array([0.0, 0.5, 0.0, -0.25])
    expected /= np.sqrt(speech_gain(expected))
    for text in ("0\n0.5\n0\n-.25\n", "# mine\nk,h\n1,0.5 # main\n\n3,-0.25\n", "0,0\r\n3,-25e-2\r\n1,0.5\r\n"):
        path = load_path(write(tmp_path, text))
        assert path.name == "my path"
        assert path.taps == pytest.approx(expected)


def test_an_echo_path_is_taken_as_it_is():
    path = EchoPath("mine", np.ones(3))
    assert load_path(path) is path


@settings(max_examples=40, deadline=None)
@given(
    delay=st.integers(0, 200),
    taps=st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=100),
)
def test_a_file_is_normalised_to_0_db(tmp_path_factory, delay, taps):
    file = tmp_path_factory.mktemp("path") / "x.csv"
    file.write_text("\n".join(["0"] * delay + [repr(x) for x in taps]))
    path = load_path(str(file))
    assert path.taps.size == delay + len(taps)
    assert speech_gain(path.taps) == pytest.approx(1.0)


def test_gain_is_that_of_speech_weighted_noise():
    # One tap passes everything; a difference takes away the low notes where speech is strong.
    assert speech_gain([0, 0.5]) == pytest.approx(0.25)
    assert speech_gain([1, -1]) < 1.0 < speech_gain([1, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no taps in the file; give one number in a row, or rows of k,h"),
        ("# only a comment\n", r"no taps in the file; .*"),
        ("1\n2\nabc\n", r"3: 'abc' is not a tap; give one number, or k,h"),
        ("0,1\n1;2\n", r"2: '1;2' is not a tap; .*"),
        ("1\nnan\n", r"2: 'nan' is not a tap; .*"),
        ("1,2,3\n", r"1: '1,2,3' is not a tap; .*"),
        ("0,1\n0,2\n", r"2: tap 0 is given twice; give each k once"),
        ("-1,1\n", r"1: tap -1 is out of range; give k of 0\.\.2047, at most 2048 taps"),
        ("1\n" * (LONGEST + 1), r"2049: tap 2048 is out of range; .*"),
        ("0\n0.0\n", r"all taps are zero; an echo path needs at least one that is not"),
    ],
)
def test_error_messages(tmp_path, text, message):
    file = write(tmp_path, text)
    with pytest.raises(PathError) as error:
        load_path(file)
    assert re.fullmatch(f"{re.escape(str(file))}:( )?{message}", str(error.value)), error.value


def test_2048_taps_are_allowed(tmp_path):
    assert load_path(write(tmp_path, "1\n" * LONGEST)).taps.size == LONGEST


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(PathError) as error:
        load_path("d12")
    assert str(error.value) == (
        "d12: no such echo path; give one of d2, d3, d4, d5, d6, d7, d8, d9, or a CSV file of taps"
    )


def test_not_text(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(PathError, match=r"x\.csv: cannot be read"):
        load_path(tmp_path / "x.csv")
