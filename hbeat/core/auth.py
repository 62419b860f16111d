"""Signatures of authkeys: sign, and verify in constant time (reference section 1.5 and 9).

The rule for verification differs from heartbeat 3.0.6 on purpose. The original takes the algorithm from the key
number of the datagram but the key text from its own sending key, so that the documented smooth key change never
worked. Here a datagram is verified with the key of the number it names, and only methods at least as strong as
that of our own sending key count: a forgotten `1 crc` line does not open the door.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives import constant_time, hashes, hmac

from hbeat.core import wire
from hbeat.core.compression import expanded
from hbeat.core.wire import Field, Frame, Message


class AuthError(ValueError):
    """The datagram is not signed by a key we accept; the text says why."""


class UnknownKey(AuthError):
    """authkeys has no key of this number."""


class WeakKey(AuthError):
    """authkeys has the key, and its method is weaker than that of the one we send with."""


class Method(Enum):
    """Signature methods of authkeys; `strength` orders them."""

    CRC = "crc"
    MD5 = "md5"
    SHA1 = "sha1"

    @property
    def strength(self) -> int:
        return (Method.CRC, Method.MD5, Method.SHA1).index(self)


@dataclass(frozen=True, slots=True)
class Key:
    """One line of authkeys. The text never appears in repr, logs or errors."""

    number: int
    method: Method
    text: bytes = field(repr=False, default=b"")


class Keyring:
    """All keys of authkeys, and the number of the one we send with."""

    def __init__(self, active: int, keys: Mapping[int, Key]) -> None:
        self.active = active
        self.keys = dict(keys)
        self._signers = {number: _signer(key) for number, key in self.keys.items()}

    def sign(self, data: bytes) -> bytes:
        """`KEYNUMBER HEXDIGEST` over data with the sending key."""
        return b"%d %s" % (self.active, self._digest(self.active, data))

    def verify(self, found: Frame) -> None:
        """Returns when the frame's signature is right. Raises AuthError."""
        key = self.keys.get(found.key_number)
        if key is None:
            raise UnknownKey(f"key {found.key_number} is not in authkeys")
        ours = self.keys[self.active].method
        if key.method.strength < ours.strength:
            raise WeakKey(f"key {key.number} ({key.method.value}) is weaker than our own ({ours.value})")
        if not constant_time.bytes_eq(self._digest(key.number, found.signed), found.digest):
            raise AuthError(f"signature with key {key.number} is wrong")

    def _digest(self, number: int, data: bytes) -> bytes:
        signer = self._signers[number]
        if signer is None:
            return b"%x" % crc32(data)
        mac = signer.copy()
        mac.update(data)
        return mac.finalize().hex().encode()


def pack(message: Message, keys: Keyring, *, inner: bool = True) -> bytes:
    """The signed datagram. inner: also sign in the field `auth`, as `msgfmt classic` (the default) does."""
    if inner:
        auth = Field("auth", keys.sign(wire.inner_text(message)))
        message = Message((*message.fields, auth))
    signed = wire.encode(message)
    return wire.seal(signed, keys.sign(signed))


def unpack(data: bytes, keys: Keyring) -> Message:
    """The message in a datagram, verified first, then parsed. Raises WireError or AuthError."""
    found = wire.frame(data)
    keys.verify(found)
    return expanded(wire.fields(found))


def _signer(key: Key) -> hmac.HMAC | None:
    match key.method:
        case Method.SHA1:
            return hmac.HMAC(key.text, hashes.SHA1())
        case Method.MD5:
            return hmac.HMAC(key.text, hashes.MD5())
        case Method.CRC:
            return None


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc32(data: bytes) -> int:
    """The checksum of method crc: POSIX cksum's CRC without the appended length (reference section 1.5).

    It is zlib's with every byte and the result mirrored and another start, which is 200 times faster than a loop: a
    datagram of 60 kB whose checksum is wrong must cost us nothing that is worth sending it for.
    """
    return int(f"{zlib.crc32(data.translate(_MIRRORED), 0xFFFF_FFFF):032b}"[::-1], 2)
