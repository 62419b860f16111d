from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.model import VirtualKey
from ldirector.core.written import Damaged, _checksum, keys_in, text_of

KEYS = frozenset(
    {
        VirtualKey("tcp", 4, "10.1.1.10", 80),
        VirtualKey("udp", 6, "fd00:1::10", 53),
        VirtualKey("fwm", 4, "", 0, 7),
        VirtualKey("fwm", 6, "", 0, 4294967295),
    }
)


def test_what_is_written_is_what_is_read() -> None:
    assert keys_in(text_of(KEYS)) == KEYS
    assert keys_in(text_of([])) == frozenset()


@given(st.integers(0, len(text_of(KEYS)) - 1), st.characters(codec="utf-8"))
def test_any_change_and_any_cut_is_found(place: int, letter: str) -> None:
    text = text_of(KEYS)
    changed = text[:place] + letter + text[place + 1 :]
    if changed != text:
        with pytest.raises(Damaged):
            keys_in(changed)
    with pytest.raises(Damaged):
        keys_in(text[:place])


@pytest.mark.parametrize(
    "line",
    [
        "tcp 4 10.1.1.10 80",
        "sctp 4 10.1.1.10 80 0",
        "tcp 6 10.1.1.10 80 0",
        "tcp 5 - 80 0",
        "tcp 4 10.1.1.10 65536 0",
        "fwm 4 - 0 4294967296",
        "fwm 4 - 0 -1",
        "tcp 4 web 80 0",
        "",
    ],
)
def test_line_that_names_no_virtual_service_is_damage(line: str) -> None:
    said = f"ldirectord table 1\n{line}\n"
    with pytest.raises(Damaged, match="is no virtual service"):
        keys_in(f"{said}checksum {_checksum(said)}\n")


def test_form_of_another_version_is_not_guessed_at() -> None:
    said = "ldirectord table 2\n"
    with pytest.raises(Damaged, match="instead of"):
        keys_in(f"{said}checksum {_checksum(said)}\n")


@given(st.text())
def test_any_text_is_a_list_or_damaged(text: str) -> None:
    try:
        keys_in(text)
    except Damaged:
        pass
