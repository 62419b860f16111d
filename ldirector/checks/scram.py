"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

The server says how often the password is hashed. That many times is what a check costs this machine, so it is bounded;
libraries do not bound it, and let a server take a core for as long as it likes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stringprep
import unicodedata
from dataclasses import dataclass

MOST_ITERATIONS = 100_000  # 4,096 is usual; this many take about 50 ms


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's first message, taken apart. text: as it came."""

    text: bytes
    nonce: bytes
    salt: bytes
    iterations: int


def first_message(nonce: bytes) -> bytes:
    """What the client begins with. nonce: random printable bytes without comma. The user name goes elsewhere."""
    return b"n,," + _bare(nonce)


def read_challenge(nonce: bytes, text: bytes) -> Challenge:
    """Raises ValueError when this is none, is not for our nonce, or asks for too much work."""
    given = dict(part.split(b"=", 1) for part in text.split(b",") if b"=" in part)
    try:
        challenge = Challenge(text, given[b"r"], base64.b64decode(given[b"s"], validate=True), int(given[b"i"][:12]))
    except (KeyError, binascii.Error):
        raise ValueError("a SCRAM message without nonce, salt or iterations") from None
    if not challenge.nonce.startswith(nonce) or challenge.nonce == nonce:
        raise ValueError("a SCRAM nonce that is not for us")
    if not 1 <= challenge.iterations <= MOST_ITERATIONS:
        raise ValueError(f"{challenge.iterations} SCRAM iterations, more than {MOST_ITERATIONS}")
    return challenge


def prove(passwd: str, nonce: bytes, challenge: Challenge) -> tuple[bytes, bytes]:
    """The client's last message, and what the server's must be."""
    salted = hashlib.pbkdf2_hmac("sha256", prepared(passwd), challenge.salt, challenge.iterations)
    client_key = _hmac(salted, b"Client Key")
    without_proof = b"c=biws,r=" + challenge.nonce  # biws: "n,," in base64
    said = b",".join((_bare(nonce), challenge.text, without_proof))
    signature = _hmac(hashlib.sha256(client_key).digest(), said)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    expected = b"v=" + base64.b64encode(_hmac(_hmac(salted, b"Server Key"), said))
    return without_proof + b",p=" + base64.b64encode(proof), expected


def prepared(passwd: str) -> bytes:
    """The password in the form that both sides hash (SASLprep, RFC 4013; what it forbids is left to the server)."""
    mapped = (" " if stringprep.in_table_c12(c) else c for c in passwd if not stringprep.in_table_b1(c))
    return unicodedata.normalize("NFKC", "".join(mapped)).encode("utf-8", "surrogateescape")


def _bare(nonce: bytes) -> bytes:
    return b"n=,r=" + nonce


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
