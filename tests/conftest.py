import sys

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however long one takes. Others: pytest --hypothesis-profile explore
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


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
