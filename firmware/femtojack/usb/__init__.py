"""The gateway as a USB device: CD-ROM, sound card and telephone, over a board's machine.USBDevice."""
