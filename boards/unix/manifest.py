# Nothing is frozen: the interpreter reads the firmware from its source.
package("femtojack", base_path="../../firmware")
module("board.py")
