import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.server_name import server_name


@pytest.mark.parametrize(
    ("virtualhost", "name"),
    [
        ("www.example.com", "www.example.com"),
        ("www.example.com:8443", "www.example.com"),
        ("[2001:db8::2]", "2001:db8::2"),
        ("bücher.example", "bücher.example"),
    ],
)
def test_the_name_is_that_of_the_host_header(virtualhost: str, name: str) -> None:
    assert server_name(virtualhost) == name


@pytest.mark.parametrize(
    "virtualhost",
    ["", ".", ":443", "www..example.com", ".example.com", f"{'x' * 64}.example.com", "a." * 127 + "com", "\udce9.com"],
)
def test_what_tls_cannot_carry_is_no_name(virtualhost: str) -> None:
    assert server_name(virtualhost) == ""


@given(st.text(st.characters(exclude_characters="\0")) | st.text("ab.:-[]é", max_size=300))
def test_ssl_takes_whatever_is_a_name(virtualhost: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if name := server_name(virtualhost):
        assert context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
