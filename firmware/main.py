"""Join the board and the App; everything else is in one of the two."""

from board import Board

from femtojack.app import App

board = Board()
board.run(App(board))
