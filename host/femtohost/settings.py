"""gateway.toml: the configuration of a box as people write it."""

import tomllib

from femtohost.errors import UserError
from femtojack.config import ConfigError, validate


class SettingsError(UserError):
    """A configuration file that is wrong: one line with the file, the key, and what would be right."""


def load_settings(path):
    """What the file `path` says, checked; None: nothing, so that all is as femtojack.config has it."""
    return load_board_settings(path)[0] if path else {}


def load_board_settings(path):
    """The same and the file's section [board] (dict), which is a real board's own: ssid, password."""
    try:
        with open(path, "rb") as file:
            settings = tomllib.load(file)
        own = settings.pop("board", {})
        validate(settings)
        return settings, own
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; give a gateway.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    except ConfigError as error:
        raise SettingsError(f"{path}: {error}") from None


def parse_host_port(text, name):
    """(host, port) of HOST:PORT, the value of the option `name`. SettingsError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{name} {text}: give HOST:PORT, such as 127.0.0.1:3240, or port 0 for any")
    return host.strip("[]"), int(port)
