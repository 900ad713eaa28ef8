import pytest
from host_boards import make_board


@pytest.fixture
def host_board(tmp_path):
    board = make_board(tmp_path / "flash.bin")
    yield board
    board.close()
