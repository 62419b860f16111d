from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.adapters.yaml_file import read_tree
from ldirector.config.errors import ConfigError
from ldirector.config.tree import NOTHING, Item


def test_values_keep_their_types_and_keys_their_lines() -> None:
    tree = read_tree("a: 1\nb:\n  10.1.1.10:80: {c: on}\nd: [x, 2.5, null]\n7: 2026-11-22\n", "f")
    assert tree.mapping == {
        "a": Item(1, 1),
        "b": Item({"10.1.1.10:80": Item({"c": Item(True, 3)}, 3)}, 2),
        "d": Item([Item("x", 4), Item(2.5, 4), Item(None, 4)], 4),
        "7": Item("2026-11-22", 5),
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_text_is_nothing(text: str) -> None:
    assert read_tree(text, "f").value is NOTHING.value


@pytest.mark.parametrize(
    ("text", "line"), [("a:\n  [fd00::1]:80:\n    b: 2\n", 2), ("a:\n  b: 1\n  [fd00::1]:80: {b: 2}\n", 3)]
)
def test_name_in_brackets_is_told_to_be_quoted(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as refused:
        read_tree(text, "f")
    (problem,) = refused.value.problems
    assert (problem.line, problem.cure) == (line, 'write the name in quotes: "[fd00::1]:80":')


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1\n", 3, "this is no YAML"),
        ("a: 1\na: 2\n", 2, "'a' is there twice"),
        ("? [a]\n: 1\n", 1, "a key must be plain text"),
        ("a: &x [1]\nb: *x\n", 2, "an alias"),
        ("a: &x [*x]\n", 1, "an alias"),
        ("a: " + "[" * 50 + "]" * 50, 1, "nested too deeply"),
        ("\n" + "- " * 50_000, 2, "nested too deeply"),  # would end the process if it were loaded
        ("[" * 50_000, 1, "nested too deeply"),
        ("a: 1\nb: x\0y\n", 2, "a NUL byte stands here, so this is no text file"),
        ("a: 1\n# gr\udcfcn\n", 2, "the byte 0xfc stands here, which is not UTF-8; save the file as UTF-8"),
        ("a: 1\n\nb: \x1b[2J\n", 3, "the control character U+001B stands here, remove it"),
        ("a: \ud800", 1, "the control character U+D800"),
        ("a: !!bool maybe\n", 0, "this is no YAML"),
        ("a: !!int ''\n", 0, "this is no YAML"),
        ("a: !!python/object/apply:os.system [x]\nb: {", 3, "this is no YAML"),
    ],
)
def test_text_that_is_refused_is_named_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_tree(text, "f")
    (problem,) = refused.value.problems
    assert (problem.line, words in problem.what) == (line, True), problem
    assert problem.cure == "see LDIRECTOR.YAML in man ldirectord"


def test_number_of_many_digits_stays_text() -> None:
    tree = read_tree(f"a: 0x{'f' * 5000}\nb: {2**63}\nc: {2**63 - 1}\n", "f")
    assert tree.mapping == {"a": Item("0x" + "f" * 5000, 1), "b": Item(str(2**63), 2), "c": Item(2**63 - 1, 3)}


def test_tag_of_a_program_is_only_text() -> None:
    tree = read_tree("a: !!python/object/apply:os.system x\n", "f")
    assert tree.mapping == {"a": Item("x", 1)}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigError):
        assert read_tree(text, "f").line >= 0


def test_letters_of_any_language_are_text() -> None:
    text = "gr\u00fcn \u4e2d\u6587 \U0001f600"
    assert read_tree(f"\ufeffa: {text}\r\nb: 1\r\n", "f").mapping == {"a": Item(text, 1), "b": Item(1, 2)}
