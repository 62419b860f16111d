"""Lists of mail addresses as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.recipients import recipients


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("root", ["root"]),
        ("a@example.com, b@example.com,a@example.com ,root", ["a@example.com", "b@example.com", "root"]),
        ("On Call <a@example.com>, b@[192.0.2.1]", ["a@example.com", "b@[192.0.2.1]"]),
        ('"Call, On" <a@example.com>,b@example.com', ["a@example.com", "b@example.com"]),
    ],
)
def test_list_with_commas_is_several_addresses(text: str, addresses: list[str]) -> None:
    assert (list(recipients(text).addresses), recipients(text).odd) == (addresses, ())


@pytest.mark.parametrize(
    ("text", "addresses", "odd"),
    [
        ("a@example.com b@example.com", ["a@example.com", "b@example.com"], "is more than one word, without a comma"),
        ("root admin", ["root", "admin"], "is more than one word, without a comma"),
        ("On Call a@example.com", ["a@example.com"], "is more than one word, without a comma"),
        ("a@example.com;b@example.com", ["a@example.com", "b@example.com"], "there is a semicolon between addresses"),
        ("a@example.com,,b@example.com", ["a@example.com", "b@example.com"], "no address on one side of a comma"),
        ("a@example.com, ", ["a@example.com"], "no address on one side of a comma"),
        ("a@example.com, b@c@d", ["a@example.com"], "'b@c@d' is no address and gets no mail"),
        ("<a@example.com", [], "'<a@example.com' is no address and gets no mail"),
    ],
)
def test_other_list_is_read_as_far_as_it_can_be_and_called_odd(text: str, addresses: list[str], odd: str) -> None:
    assert list(recipients(text).addresses) == addresses
    assert odd in " ".join(recipients(text).odd)


@given(st.text(alphabet='ab@.,; <>"\\\t', max_size=30))
def test_address_never_carries_a_second_one(text: str) -> None:
    for address in recipients(text).addresses:
        assert not set(address) & set(',; <>"\t')
        assert address.count("@") <= 1
