"""The configuration's one schema."""

import pytest

from femtojack.config import ConfigError, parse_address, validate


def test_an_empty_configuration_is_complete():
    config = validate({})
    assert config["sip"]["port"] == 5060
    assert config["voice"]["taps"] == 128
    assert config["line"]["dial_plan"] == "x.T"


def test_what_is_given_stays():
    assert validate({"line": {"country": "uk"}})["line"]["country"] == "uk"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"sipp": {}}, "sipp"),
        ({"sip": {"sever": "1.2.3.4"}}, "sip.sever"),
        ({"sip": {"server": "example"}}, "192.0.2.1:5060"),
        ({"sip": {"server": "1.2.3.4:0"}}, "sip.server"),
        ({"sip": {"server": "1.2.3.256"}}, "sip.server"),
        ({"sip": {"user": "a b"}}, "sip.user"),
        ({"sip": {"port": "5060"}}, "type int"),
        ({"sip": {"port": True}}, "type int"),
        ({"sip": {"rtp_port": 5005}}, "even"),
        ({"line": {"country": "xx"}}, "one of au cn de"),
        ({"line": {"dial_plan": "T"}}, "digit map"),
        ({"line": []}, "table"),
        ({"voice": {"taps": 100}}, "multiple of 16"),
        ({"voice": {"nlp": 1}}, "type bool"),
        ({"gsm": {"ring": "me"}}, "one of line phones all"),
        ({"gsm": {"line_number": "1-2"}}, "digits"),
        ({"gsm": {"line_number": "199"}}, "199 is the number of more than one"),
        ({"gsm": {"subscribers": "001010000000001=100"}}, "100 is the number of more than one"),
    ],
)
def test_an_error_is_one_line_that_names_the_key_and_what_would_be_right(config, text):
    with pytest.raises(ConfigError) as error:
        validate(config)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_addresses():
    assert parse_address("192.0.2.1:5080") == bytes((192, 0, 2, 1, 0x13, 0xD8))
    assert parse_address("192.0.2.1") == bytes((192, 0, 2, 1, 0x13, 0xC4))
    assert parse_address("192.0.2") is parse_address("a.b.c.d:1") is parse_address("1.2.3.4:66000") is None
