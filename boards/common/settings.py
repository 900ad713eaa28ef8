"""The configuration of a board: /config.json, which stays where it is when the firmware is deployed anew.

Its sections are the firmware's (femtojack.config) and "board", which is the board's own.
"""

import json

PATH = "/config.json"


def load(path=PATH):
    """(what the firmware gets, the board's own section); both empty where there is no file. ValueError: not JSON."""
    try:
        with open(path) as file:
            config = json.load(file)
    except OSError:
        return {}, {}
    own = config.pop("board", {})
    return config, own
