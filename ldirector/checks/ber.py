"""The part of BER (X.690) that LDAP uses (RFC 4511, 5.1): one-byte tags and definite lengths.

Written here because the LDAP libraries are unmaintained or wait for the server themselves, and a check needs two
messages out and three in.
"""

from __future__ import annotations

from collections.abc import Iterator

INTEGER, OCTETS, ENUMERATED, SEQUENCE = 0x02, 0x04, 0x0A, 0x30


def element(tag: int, *contents: bytes) -> bytes:
    """One element around its contents."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width) + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A small number: 0 to 127."""
    return element(tag, bytes((value,)))


def length_size(first: int) -> int:
    """How many further bytes the length has whose first byte this is. Raises ValueError for forms LDAP forbids."""
    if first < 0x80:
        return 0
    if not 1 <= first & 0x7F <= 4:
        raise ValueError("a length that LDAP does not allow")
    return first & 0x7F


def elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in a content, one level deep. Raises ValueError when it is no BER."""
    at = 0
    while at < len(content):
        if at + 2 > len(content):
            raise ValueError("an element that ends early")
        tag, first = content[at], content[at + 1]
        start = at + 2 + length_size(first)
        size = int.from_bytes(content[at + 2 : start]) if first & 0x80 else first
        at = start + size
        if at > len(content):
            raise ValueError("an element that ends early")
        yield tag, content[start:at]
