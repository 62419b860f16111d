"""What the servers of a vector case say, by kind (tests/vectors/ldirectord/README.md, "Kinds").

Written from the protocols' own documents and without the libraries that the checks use, so that a check is judged by
somebody else's reading. An unknown command ends the conversation.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import struct
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Settings = dict[str, Any]
Answer = Callable[[bytes], bytes]
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Settings, str], Awaitable[None]]

WRONG_ADDRESS = "203.0.113.1"
ADDRESS, INTERNET = 1, 1  # DNS type A, class IN


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings, state: str) -> None:
    """tcp and banner: the banner, if any, then silence until the client leaves."""
    writer.write(settings.get("banner", "").encode())
    while await reader.read(4096):
        pass


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings, state: str) -> None:
    """One reply to whatever is said."""
    await reader.read(4096)
    writer.write(settings["reply"].encode())
    await writer.drain()


async def _script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings, state: str) -> None:
    """The banner, then for each line the reply of the first prefix it has; {tag} is the first word (IMAP)."""
    writer.write(settings["banner"].encode())
    while line := (await reader.readline()).decode():
        tag, _, rest = line.strip().partition(" ")
        for prefix, reply in settings["script"]:
            tagged = "{tag}" in reply
            if (rest if tagged else line).startswith(prefix):
                writer.write(reply.replace("{tag}", tag).encode())
                break
        else:
            return


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings, state: str) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request, *lines = head.splitlines()
    method, path, _ = request.split()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status, body, extra = _page(settings, state, path, headers.get("host", ""))
    fields = {**extra, "Content-Length": str(len(body)), "Connection": "close"}
    answer = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    writer.write((answer + ("" if method == "HEAD" else body)).encode())
    await writer.drain()


def _page(settings: Settings, state: str, path: str, host: str) -> tuple[str, str, dict[str, str]]:
    """Status line, body and further headers."""
    if state == "wrong":
        return "200 OK", "something else\n", {}
    page = settings.get("pages", {}).get(path)
    if page is None or settings.get("vhost", host) != host:
        return "404 Not Found", "no such page\n", {}
    if state.startswith("status:"):
        return f"{state.removeprefix('status:')} As Told", page, {}
    if isinstance(page, str):
        return "200 OK", page, {}
    return f"{page['status']} As Told", page["body"], page.get("headers", {})


def self_signed() -> ssl.SSLContext:
    """TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "back end")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "both.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(pem)
    return context


async def _dns_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings, state: str) -> None:
    """RFC 1035 section 4.2.2: a length in front of each message."""
    while length := await reader.readexactly(2):
        answer = _dns(await reader.readexactly(int.from_bytes(length)), settings, state)
        writer.write(len(answer).to_bytes(2) + answer)


def _dns(query: bytes, settings: Settings, state: str) -> bytes:
    """RFC 1035 section 4.1: the question, and the record of its name when there is one; NXDOMAIN otherwise."""
    if state == "hang":
        return b""
    name, kind, end = _question(query)
    record: str = settings["records"].get(name, "")
    answers = b""
    if record:
        data = _address(WRONG_ADDRESS if state == "wrong" else record) if kind == ADDRESS else _labels(record)
        answers = struct.pack("!HHHIH", 0xC00C, kind, INTERNET, 60, len(data)) + data
    flags = 0x8580 if answers else 0x8583  # an authoritative answer, recursion wanted and there
    return query[:2] + struct.pack("!HHHHH", flags, 1, bool(answers), 0, 0) + query[12:end] + answers


def _question(query: bytes) -> tuple[str, int, int]:
    """Name, type and end of the only question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), int.from_bytes(query[at + 1 : at + 3]), at + 5


def _address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _labels(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _sip(request: bytes, settings: Settings, state: str) -> bytes:
    """RFC 3261 section 8.2.6: the answer carries these headers of the request."""
    if state == "hang":
        return b""
    status = "503 Service Unavailable" if state == "wrong" else "200 OK"
    kept = ("via:", "from:", "to:", "call-id:", "cseq:")
    lines = [line for line in request.decode().split("\r\n") if line.lower().startswith(kept)]
    return "\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""]).encode()


STREAMS: dict[str, Conversation] = {
    "http": _http,
    "tcp": _accept,
    "banner": _accept,
    "script": _script,
    "echo": _echo,
    "dns": _dns_tcp,
}
"""Kind -> what goes on in a connection. icmp is in neither table: an address is all it needs."""

DATAGRAMS: dict[str, Callable[[bytes, Settings, str], bytes]] = {"dns": _dns, "sip": _sip}
"""Kind -> the answer to a datagram, b"" for none."""
