"""The other ends: programs that the gateway talks to. None of them knows the firmware."""
