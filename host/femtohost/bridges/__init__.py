"""Bridges from the emulated box to the real world; wall-clock mode only."""
