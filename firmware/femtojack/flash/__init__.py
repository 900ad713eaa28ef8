"""The serial flash: identity, firmware slots, their update and the choice at power-on."""
