# Nothing is frozen: the interpreter reads the firmware from its source.
package("femtojack", base_path="../../firmware")
module("main.py", base_path="../../firmware")
module("board.py")
module("pipe.py")
module("usb_port.py")
