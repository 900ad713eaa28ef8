"""The voice path between the line and the legs of a call."""
