"""The README's example does what it says."""

import re
from pathlib import Path

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_example_of_a_test_passes(box):
    [source] = re.findall(r"```python\n(def test_\w+\(box\):.*?)```", README.read_text(), re.S)
    scope = {}
    exec(source, scope)
    [example] = [value for name, value in scope.items() if name.startswith("test_")]
    example(box)
    assert box.state("call") == "FAILED"
