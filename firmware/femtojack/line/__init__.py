"""The analog line: SLIC driver, FXS port, tones, digit map."""
