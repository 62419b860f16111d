import pytest

from ldirector.checks import ber


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_an_element_of_any_size_comes_back(size: int) -> None:
    encoded = ber.element(ber.OCTETS, b"x" * size) + ber.integer(5)
    assert list(ber.elements(encoded)) == [(ber.OCTETS, b"x" * size), (ber.INTEGER, b"\x05")]


def test_lengths_are_the_shortest_that_der_allows() -> None:
    assert ber.element(4, bytes(127))[:3] == b"\x04\x7f\x00"
    assert ber.element(4, bytes(128))[:4] == b"\x04\x81\x80\x00"
    assert ber.element(4, bytes(300))[:5] == b"\x04\x82\x01\x2c\x00"


def test_a_length_may_be_longer_than_needed() -> None:
    assert list(ber.elements(b"\x04\x84\0\0\0\x02ab")) == [(4, b"ab")]


@pytest.mark.parametrize("content", [b"\x04", b"\x04\x02a", b"\x04\x82\x01", b"\x04\x80ab\0\0", b"\x04\x85\0\0\0\0\0"])
def test_what_ends_early_or_has_a_forbidden_length_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"early|not allow"):
        list(ber.elements(content))
