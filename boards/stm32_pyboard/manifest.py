"""What this board runs; `femtojack board build` and MicroPython's own tools read it."""

include("../manifest.py")
module("board.py")
