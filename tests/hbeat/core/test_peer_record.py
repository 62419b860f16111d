from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.model import PeerRecord
from hbeat.core.peer_record import read_record, write_record
from hbeat.core.record import RecordError

RECORD = PeerRecord("test2.com", 105, 5000, ours=False)


@pytest.mark.parametrize("record", [RECORD, PeerRecord("b", 0, 0, ours=True), PeerRecord("b", 2**64 - 1, 1, ours=True)])
def test_record_is_read_as_it_was_written(record: PeerRecord) -> None:
    assert read_record(write_record(record)) == record


@given(st.integers(0, len(write_record(RECORD)) - 2), st.characters(codec="ascii", exclude_characters="\n"))
def test_any_changed_character_is_damage(position: int, character: str) -> None:
    text = write_record(RECORD)
    changed = text[:position] + character + text[position + 1 :]
    if changed == text:
        return
    with pytest.raises(RecordError):
        read_record(changed)


@pytest.mark.parametrize("length", range(len(write_record(RECORD)) - 1))
def test_half_a_record_is_damage(length: int) -> None:
    with pytest.raises(RecordError):
        read_record(write_record(RECORD)[:length])


@given(st.text(max_size=100))
def test_any_text_is_a_record_or_damage(text: str) -> None:
    try:
        assert write_record(read_record(text)).strip() == text.strip()
    except RecordError:
        return
