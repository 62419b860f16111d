from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ldirector.config.grammar import Block, Line, read


def texts(text: str) -> list[str]:
    """The lines of the first block."""
    (block,) = (item for item in read(text) if isinstance(item, Block))
    return [line.text for line in block.body]


def test_globals_and_blocks_come_with_their_line_numbers() -> None:
    items = read("# c\n\nquiescent=yes\nvirtual=a\n\treal=b\nautoreload=no\n")
    assert items == [
        Line(3, "quiescent=yes"),
        Block(Line(4, "virtual=a"), (Line(5, "real=b"),), end=6, has_body=True),
        Line(6, "autoreload=no"),
    ]


def test_tab_counts_as_four_blanks() -> None:
    assert texts("virtual=a\n\tx=1\n    y=2\n   \tz=3\n") == ["x=1", "y=2", "z=3"]


def test_three_blanks_end_the_block() -> None:
    items = read("virtual=a\n\tx=1\n   y=2\n")
    assert items[-1] == Line(3, "   y=2")


def test_empty_line_ends_the_block() -> None:
    assert read("virtual=a\n\tx=1\n\n\ty=2\n")[-1] == Line(4, "\ty=2")


def test_four_blanks_are_like_an_empty_line_and_five_are_a_line_of_the_block() -> None:
    assert texts("virtual=a\n\tx=1\n    \n") == ["x=1"]
    assert texts("virtual=a\n\tx=1\n     \n\ty=2\n") == ["x=1", " ", "y=2"]


def test_comment_at_any_indentation_does_not_end_the_block() -> None:
    assert texts("virtual=a\n# c\n  # c\n\tx=1\n\t\t# c\n\ty=2\n") == ["x=1", "y=2"]


def test_inside_a_block_everything_from_the_hash_is_cut_even_in_quotes() -> None:
    assert texts('virtual=a\n\trequest="a#b"\n') == ['request="a']


def test_global_line_keeps_its_hash() -> None:
    assert read("quiescent=yes # x\n") == [Line(1, "quiescent=yes # x")]


def test_block_ends_where_the_next_begins() -> None:
    first, second = read("virtual=a\nvirtual6=b\n\tx=1")
    assert isinstance(first, Block)
    assert isinstance(second, Block)
    assert (first.body, first.end, first.has_body) == ((), 2, True)
    assert (second.end, second.has_body) == (3, True)


def test_virtual_on_the_last_line_has_no_body() -> None:
    (block,) = read("virtual=a\n")
    assert isinstance(block, Block)
    assert not block.has_body


def test_byte_order_mark_and_no_break_space_are_text() -> None:
    assert read("\ufeffvirtual=a\n") == [Line(1, "\ufeffvirtual=a")]
    assert read("virtual=a\n\u00a0\u00a0\u00a0\u00a0x=1\n")[-1] == Line(2, "\u00a0\u00a0\u00a0\u00a0x=1")


def test_setting_has_blanks_around_the_equals_sign_taken_off() -> None:
    assert Line(1, "a  =\t b c ").setting() == ("a", "b c ")
    assert Line(1, "scheduler rr").setting() is None


@given(st.text(alphabet='virtual6=# \t\r\n:a1"', max_size=80))
def test_any_text_is_read_and_no_line_is_lost_or_doubled(text: str) -> None:
    numbers: list[int] = []
    for item in read(text):
        numbers += [item.number] if isinstance(item, Line) else [item.opener.number, *(x.number for x in item.body)]
    assert numbers == sorted(set(numbers))
    said = {
        number
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip(" \t\r\n\f\v") and not line.lstrip(" \t\r\f\v").startswith("#")
    }
    assert said - set(numbers) == set()
