"""The flash of an emulated box as people handle it: its memory, update files, the factory, and power cuts."""
