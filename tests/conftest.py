import sys

import pytest


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """`run(*arguments) -> (exit code, stdout, stderr)` of `femtojack`, in an empty folder."""
    from femtohost import cli

    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["femtojack", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        return exit_.value.code or 0, out, err

    return run
