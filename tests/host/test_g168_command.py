"""`femtojack g168`: output, exit codes, the page, and how it refuses."""

import json
import os
import sys
from html.parser import HTMLParser

import pytest

from femtohost import cli
from femtohost.measure import suite
from femtohost.measure.procedures import PROCEDURES
from femtohost.report import g168 as report


@pytest.fixture
def g168(monkeypatch, capsys, tmp_path):
    """`g168(*arguments) -> (exit code, stdout, stderr)`, in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def g168(*arguments):
        monkeypatch.setattr(sys, "argv", ["femtojack", "g168", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        return exit_.value.code or 0, out, err

    return g168


ONE = ("--test", "2B a", "--path", "d2", "--level", "-16", "--workers", 1)


def test_one_json_object(g168):
    code, out, err = g168(*ONE, "--json")
    run = json.loads(out)
    assert (code, err) == (0, "")
    assert (run["passed"], run["failed"], run["measured"], run["taps"]) == (1, 0, 0, 128)
    [case] = run["cases"]
    assert (case["test"], case["path"], case["level_dbm0"], case["verdict"]) == ("2B a", "d2", -16, "passed")
    assert case["checks"][0]["source"] == "M"
    assert case["margin_db"] > 0


def test_the_table_names_tests_paths_and_what_has_no_source(g168):
    code, out, _ = g168(*ONE, "--test", 14)
    assert code == 0
    assert out.split()[:4] == ["test", "d2", "2B", "a"]
    assert "passed" in out
    assert "14 voice-band modems" in out


def test_a_missed_limit_is_exit_code_1(g168, monkeypatch):
    monkeypatch.setattr(suite.EchoCanceller, "process", lambda self, rin, sin: sin)
    code, out, _ = g168(*ONE)
    assert code == 1
    assert "failed" in out
    assert "\N{MINUS SIGN}" in out


def test_a_table_of_floors(g168, monkeypatch):
    from femtohost.measure import floors

    good, bad = floors.Row("good", "dB", 1, 0.5), floors.Row("bad", "dB", 1, 0.5)
    slow = floors.Row("slow", "ns", 1, 1, cost=True)
    figures = [floors.Figure(row, "how", figure) for row, figure in ((good, 0.2), (bad, float("inf")), (slow, 9.0))]
    monkeypatch.setattr(floors, "measure", lambda quick, workers, progress: figures)
    code, out, _ = g168("--floors")
    assert code == 1
    assert "1 floor missed" in out
    code, out, _ = g168("--floors", "--json")
    assert code == 1
    assert [row["met_floor"] for row in json.loads(out)["rows"]] == [True, False, False]
    assert [row["figure"] for row in json.loads(out)["rows"]] == [0.2, None, 9.0]
    monkeypatch.setattr(floors, "measure", lambda quick, workers, progress: [figures[0], figures[2]])
    assert g168("--floors", "--json")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--test", "2D"), "2D"),
        (("--path", "d1"), "d2"),
        (("--path", "d2", "--path", "none.csv"), "none.csv"),
        (("--level", "5"), "-30 to 0"),
        (("--level", "loud"), "--level"),
        (("--taps", "100"), "16 to 1024"),
        (("--workers", "0"), "--workers"),
        (("--floors", "--test", "2A"), "--floors"),
        (("--floors", "--out", "x"), "--floors"),
        (("--out", "file"), "file"),
        (("--fast",), "--fast"),
        (("2A",), "2A"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(g168, tmp_path, arguments, said):
    (tmp_path / "file").touch()
    code, out, err = g168(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert os.listdir(tmp_path) == ["file"]


class Page(HTMLParser):
    """Counts elements, keeps text and what is linked."""

    def __init__(self, text):
        super().__init__()
        self.count, self.links, self.text = {}, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_draws_each_test_and_path_and_needs_nothing_else(g168, tmp_path):
    code, out, _ = g168("--test", "2A", "--test", "9A", "--path", "d2", "--path", "d9", "--quick", "--workers", 1,
                        "--out", "here/there")  # fmt: skip
    assert code in (0, 1)
    assert "here/there/g168.html" in out
    page = Page((tmp_path / "here/there/g168.html").read_text())
    assert page.count["svg"] == page.count["polyline"] == 6
    assert page.count["rect"] >= 4 * 3 + 2 * 2
    assert page.links == ["#2A-a", "#2A-b", "#9A"]
    assert "http" not in " ".join(page.text)


def test_the_page_of_a_bad_canceller_says_so(monkeypatch):
    monkeypatch.setattr(suite.EchoCanceller, "process", lambda self, rin, sin: sin)
    results = suite.run(suite.choose(["2B"], ["d2"], quick=True), make=suite.EchoCanceller)
    text = report.render(results, {})
    assert "2 of 2 tests miss a limit" in text
    assert 'class="failed"' in text


def test_a_page_of_nothing():
    assert "No test was run" in report.render([], {"10": "fax"})


def test_a_path_from_a_file_cannot_inject_into_the_page(tmp_path):
    file = tmp_path / "<b>.csv"
    file.write_text("0\n0.5\n")
    page = report.render(suite.run(suite.choose(["2A a"], [str(file)], [-16.0])), {})
    assert "<b>.csv" not in page
    assert "&lt;b&gt;" in page


def test_the_worst_level_is_the_one_that_is_drawn():
    results = suite.run(suite.choose(["2B a"], ["d2"], [-30.0, -10.0]))
    [(procedure, paths)] = report.by_test(results)
    assert procedure.label == "2B a"
    assert paths["d2"].worst.margin_db == min(result.worst.margin_db for result in results)


def test_what_happens_is_told_of_every_test():
    told = {procedure.label: report.story(procedure.parts) for procedure in PROCEDURES}
    assert told["6"][:2] == ["5.25 s CSS", "8 \N{MULTIPLICATION SIGN} 5 s tone"]
    assert told["6"][2:] == ["0.5 s silence, frozen", "5.25 s CSS, frozen"]
    assert told["12"][1:] == ["10.5 s CSS, next path at 16 dB", "10.5 s CSS, first path at 6 dB"]
    assert told["5A NLP on"][1] == "15.75 s CSS, path open"
    assert told["4"][0] == "2 \N{MULTIPLICATION SIGN} 5.25 s CSS"
