from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.config.errors import BadValue
from ldirector.config.real_line import RealLine, read_real
from ldirector.core.model import Forwarding
from tests.ldirector.world import FakeNames

GATE, MASQ, IPIP = Forwarding.GATE, Forwarding.MASQ, Forwarding.IPIP


def line(
    address: str = "192.168.2.236", port: int = 80, way: Forwarding = MASQ, weight: int = 1, **more: object
) -> RealLine:
    fields = {"request": None, "receive": None, "lower": 0, "upper": 0, **more}
    return RealLine((address,), port, way, weight, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("192.168.2.236:80 masq", line()),
        ("192.168.2.236:http gate 5", line(way=GATE, weight=5)),
        ("192.168.2.236 ipip 0", line(port=0, way=IPIP, weight=0)),
        ("web-1:80 masq\t65535\r", line("192.168.2.1", weight=65535)),
        ('192.168.2.236:80 masq 2 "/a", "b c"', line(weight=2, request="/a", receive="b c")),
        ('192.168.2.236:80 masq "a" "^ok"', line(request="a", receive="^ok")),
        ('192.168.2.236:80 masq 3 "a b 1","c"', line(weight=3, request="a b 1", receive="c")),
        ("192.168.2.236:80 masq 2 l:10 u:20", line(weight=2, lower=10, upper=20)),
        ("192.168.2.236:80 masq 1 u:20 l:10", line(lower=10, upper=20)),
        ('192.168.2.236:80 masq "/x", "y" u:30', line(request="/x", receive="y", upper=30)),
        ('192.168.2.236:80 masq l:5 u:30 "/x", "y"', line(request="/x", receive="y", lower=5, upper=30)),
        ('192.168.2.236:80 masq 1 "/x"  "y"', line(request="/x", receive="y")),
        ('192.168.2.236:80 masq 1 "/x"\t\t"y"', line(request="/x", receive="y")),
        ('192.168.2.236:80 masq "","y"', line(request="", receive="y")),
        ('192.168.2.236:80 masq "/x" ""', line(request="/x", receive="")),
    ],
)
def test_line_of_an_ipv4_block(text: str, wanted: RealLine) -> None:
    assert read_real(text, 4, FakeNames()) == wanted


def test_ipv6_address_is_normalised() -> None:
    assert read_real("[FD00:0::A]:80 gate", 6, FakeNames()).addresses == ("fd00::a",)


def test_range_gives_every_address() -> None:
    assert read_real("192.168.2.1->192.168.2.3:80 masq", 4, FakeNames()).addresses == (
        "192.168.2.1",
        "192.168.2.2",
        "192.168.2.3",
    )
    assert read_real("web-1->192.168.2.2:80 masq", 4, FakeNames()).addresses == ("192.168.2.1", "192.168.2.2")


@pytest.mark.parametrize(
    ("text", "words", "cure"),
    [
        ("192.168.2.236:80", "shape", "gate|masq|ipip"),
        ("192.168.2.236::80 gate", "shape", "address[:port]"),
        ("web 192.168.2.236:80 masq", "shape", ""),
        ("192.168.2.236:80 nat", "'nat' is not a forwarding method", "gate, masq or ipip"),
        ("192.168.2.236:80 MASQ", "'MASQ'", "gate, masq or ipip"),
        ("192.168.2.236:80 masq <- remark", "left over", "#"),
        ("192.168.2.236:80 masq -w 1", "left over", "plain number"),
        ('192.168.2.236:80 masq 1 "/x"', "left over", '"/index.html", "ok"'),
        ('192.168.2.236:80 masq "/a 1", "b"', "read as the weight", "in front of the request"),
        ('192.168.2.236:80 masq 1 "/x" , "y"', "left over", ""),
        ('192.168.2.236:80 masq 1 "/x" ,"y"', "left over", ""),
        ('192.168.2.236:80 masq 1 "/x""y"', "left over", ""),
        ("192.168.2.236:80 masq 70000", "weight 70000", "0 to 65535"),
        ("192.168.2.236:80 masq 1 u:99999999999", "threshold", "0 to 4294967295"),
        ("192.168.2.236:80 masq 1 junk", "left over", "#"),
        ("my_host:80 masq", "shape", ""),
        ("80:80 masq", "'80' is not an IPv4 address", ""),
        ("[fd00::1]:80 masq", "is an IPv6 address", ""),
    ],
)
def test_line_that_does_not_fit_says_what_and_how_to_mend_it(text: str, words: str, cure: str) -> None:
    with pytest.raises(BadValue) as caught:
        read_real(text, 4, FakeNames())
    assert words in caught.value.what
    assert cure in caught.value.cure


@pytest.mark.parametrize("address", ["fe80::2", "febf::1"])
def test_link_local_address_is_refused(address: str) -> None:
    with pytest.raises(BadValue, match="is a link-local address"):
        read_real(f"[{address}]:80 masq", 6, FakeNames())


def test_range_of_ipv6_addresses_is_refused() -> None:
    with pytest.raises(BadValue, match="range of IPv6"):
        read_real("[fd00::2]->[fd00::4]:80 masq", 6, FakeNames())


@given(st.text(alphabet='192.168:->[]masqgate "/,lu\r\t', max_size=60), st.sampled_from([4, 6]))
def test_any_text_is_a_line_or_badvalue(text: str, family: int) -> None:
    with suppress(BadValue):
        assert read_real(text, family, FakeNames()).addresses
