"""The mutation script: its operators do what they say, and what is named as equivalent exists."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from mutants import mutants_of
from mutate import EQUIVALENT, equivalents, is_equivalent, sample_of
from paths import ROOT
from swap_code import Loaded


def changed(text: str) -> list[tuple[str, str]]:
    return [(m.before, m.after) for m in mutants_of(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a < b", [("a < b", "a <= b")]),
        ("a == b is c", [("a == b is c", "a != b is c"), ("a == b is c", "a == b is not c")]),
        ("a + b * c", [("a + b * c", "a - b * c"), ("b * c", "b / c")]),
        ("a //= b", [("a //= b", "a /= b")]),
        ("not a and b", [("not a and b", "not a or b"), ("not a", "a")]),
        ("f([a, b])", [("[a, b]", "[b]"), ("[a, b]", "[a]")]),
        ("{a: b, c: d}", [("{a: b, c: d}", "{c: d}"), ("{a: b, c: d}", "{a: b}")]),
        ("f(1, True)", [("f(1, True)", "f(2, True)"), ("f(1, True)", "f(1, False)")]),
        ("min(a, b)", [("min(a, b)", "max(a, b)")]),
        ("x: Literal[1] = y", []),
        ('"""Doc."""', []),
        ("if TYPE_CHECKING:\n    a = 1", []),
        ("f'{a + b}'", [("a + b", "a - b")]),
    ],
)
def test_each_operator(text: str, found: list[tuple[str, str]]) -> None:
    assert changed(text) == found


def test_only_the_expression_is_written_anew() -> None:
    text = 'A = (  # ä\n    x +\n    y * 2,\n    f"{x < 1}"\n)\nB = 3\n'
    for mutant in mutants_of(text):
        assert mutant.text.count("\n") == text.count("\n")
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(text))
        assert mutant.text.startswith("A = (  # ä\n")
    assert len(mutants_of(text)) == 6


def test_a_mutant_knows_its_function_and_its_lines() -> None:
    text = "class A:\n    def f(self, n=1):\n        if n < 2:\n            return n\n        return (n +\n            self)\n"
    found = [(m.where, m.lines, m.before) for m in mutants_of(text)]
    assert found == [
        ("", (2, 2), "1"),
        ("A.f", (3, 3), "n < 2"),
        ("A.f", (3, 3), "n < 2"),
        ("A.f", (5, 6), "n + self"),
    ]


def loaded(text: str, file: str = "made.py") -> dict[str, Callable[..., object]]:
    found: dict[str, Callable[..., object]] = {}
    exec(compile(text, file, "exec"), found)
    return found


def test_code_is_swapped_in_functions_that_exist() -> None:
    text = "def f(a):\n    return a + 1\n\ndef g(a):\n    return [b + 1 for b in a]\n"
    made = loaded(text)
    here = Loaded(("thbench",))
    assert here.swap("made.py", mutants_of(text)[0].text)
    assert (made["f"](3), made["g"]([3])) == (2, [4])
    assert here.swap("made.py", text.replace("b + 1", "b * 5"))
    assert (made["f"](3), made["g"]([3])) == (4, [15])
    assert not here.swap("made.py", text.replace("def f", "def h"))
    assert not here.swap("elsewhere.py", text)


def test_what_was_answered_before_is_forgotten() -> None:
    text = "import functools\n\n\n@functools.lru_cache\ndef f(a):\n    return a + 1\n"
    made = loaded(text, "cached.py")
    made["f"].__module__ = "thbench.made"
    assert made["f"](3) == 4
    assert Loaded(("thbench",)).swap("cached.py", text.replace("a + 1", "a - 1"))
    assert made["f"](3) == 2


def test_the_same_seed_gives_the_same_mutants() -> None:
    file = (ROOT / "thbench" / "score" / "keys.py").relative_to(ROOT)
    first, possible = sample_of(file, 5, 1)
    assert sample_of(file, 5, 1) == (first, possible) and len(first) == 5
    assert sample_of(file, 5, 2)[0] != first


def test_every_equivalent_mutant_exists_and_says_why() -> None:
    known = equivalents()
    assert known == [] or EQUIVALENT.exists()
    for entry in known:
        text = (ROOT / entry["module"]).read_text(encoding="utf-8")
        matching = [m for m in mutants_of(text) if is_equivalent(entry["module"], m, [entry])]
        assert matching, f"{entry['module']}: {entry['before']} -> {entry['after']} is no mutant"
        assert len(entry["reason"]) > 20
