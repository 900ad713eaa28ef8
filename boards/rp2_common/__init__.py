"""What the boards with RP2040 and RP2350 share."""
