import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from ldirector.checks.http_proxy import MAX_REDIRECTS
from ldirector.core.model import HttpRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import closed_port, probe
from tests.ldirector.checks.servers import Script, answer, dripping, saying, saying_and_waiting, self_signed, serving

URL = "http://www.example.com/page?x=1"


def asked(script: Script, timeout: float = 5.0, request: str = URL, **more: Any) -> tuple[Verdict, list[bytes]]:
    async def run() -> tuple[Verdict, list[bytes]]:
        async with serving(script) as proxy:
            return await probe("http_proxy", proxy.port, timeout, request=request, **more), proxy.requests

    return asyncio.run(run())


def test_the_request_is_the_whole_url_and_host_is_that_of_the_url() -> None:
    verdict, requests = asked(saying(answer()), receive="ok", virtualhost="other.example.com")
    assert verdict.outcome is Outcome.PASS
    assert requests == [
        b"GET http://www.example.com/page?x=1 HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\nConnection: TE, close\r\n"
        b"Host: www.example.com\r\nUser-Agent: libwww-perl/6.68\r\n\r\n"
    ]


@pytest.mark.parametrize(
    ("request_", "line", "host"),
    [
        ("www.example.com", b"GET http://www.example.com/ ", b"www.example.com"),
        ("www.example.com/x", b"GET http://www.example.com/x ", b"www.example.com"),
        ("http://h:8080/#part", b"GET http://h:8080/ ", b"h:8080"),
        ("http://[2001:db8::1]:80/", b"GET http://[2001:db8::1]:80/ ", b"[2001:db8::1]:80"),
        ("http://h/a b\r\nX: y", b"GET http://h/a%20b%0D%0AX:%20y ", b"h"),
        ("ftp://h/x", b"GET ftp://h/x ", b"h"),
    ],
)
def test_other_forms_of_url(request_: str, line: bytes, host: bytes) -> None:
    _, (head,) = asked(saying(answer()), request=request_)
    assert head.startswith(line)
    assert b"\r\nHost: " + host + b"\r\n" in head


@pytest.mark.parametrize("request_", ["http://", "http://h:99999/", "http://a b/", "http://[::1/", "http:///x"])
def test_what_is_no_url_is_said(request_: str) -> None:
    verdict, requests = asked(saying(answer()), request=request_)
    assert (verdict.outcome, verdict.reason, requests) == (Outcome.FAIL, Reason.BAD_ANSWER, [])
    assert verdict.detail.startswith("no usable URL")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (saying(answer(b"other")), Reason.RECEIVE_MISMATCH),
        (saying(answer(b"ok", "503 Service Unavailable")), Reason.WRONG_STATUS),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.BAD_ANSWER),
        (saying(), Reason.CONNECTION_LOST),
        (saying_and_waiting(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_100_000), Reason.TOO_LARGE),
    ],
)
def test_another_answer_is_down_with_its_reason(script: Script, reason: Reason) -> None:
    verdict, _ = asked(script, receive="ok")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


def test_rules_for_answers_are_those_of_http() -> None:
    rules = HttpRules(statuses=((404, 404),))
    assert asked(saying(answer(b"", "404 Not Found")), http=rules)[0].outcome is Outcome.PASS
    moved = saying(answer(b"", "302 Found", "Location: /x"))
    assert asked(moved, http=HttpRules(statuses=((302, 302),)))[0].outcome is Outcome.PASS


def test_redirects_are_followed_through_the_proxy() -> None:
    answers = [answer(b"", "302 Found", "Location: //other.example.com/y"), answer()]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(answers.pop(0))(reader, writer)

    verdict, requests = asked(script, receive="ok")
    assert verdict.outcome is Outcome.PASS
    assert requests[1].startswith(b"GET http://other.example.com/y HTTP/1.1\r\n")
    assert b"\r\nHost: other.example.com\r\n" in requests[1]


def test_a_circle_of_redirects_ends_after_seven() -> None:
    verdict, requests = asked(saying(answer(b"", "302 Found", "Location: /again")))
    assert (verdict.reason, len(requests)) == (Reason.WRONG_STATUS, 1 + MAX_REDIRECTS)


def test_a_redirect_to_no_url_is_the_proxys_fault() -> None:
    verdict, _ = asked(saying(answer(b"", "302 Found", "Location: http://[::1")))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.BAD_ANSWER)


def test_a_dripping_proxy_cannot_stretch_the_deadline() -> None:
    started = time.monotonic()
    for request in (URL, "https://www.example.com/"):
        assert asked(dripping(b"H"), 0.2, request)[0].reason in (Reason.READ_TIMEOUT, Reason.BAD_ANSWER)
    assert asked(saying_and_waiting(), 0.2)[0].reason is Reason.READ_TIMEOUT
    assert time.monotonic() - started < 4


def test_a_closed_port_is_refused() -> None:
    assert asyncio.run(probe("http_proxy", closed_port(), request=URL)).reason is Reason.CONNECT_REFUSED


def test_an_https_url_is_fetched_through_a_tunnel(tmp_path: Path) -> None:
    async def run() -> tuple[Verdict, list[bytes], list[bytes], list[str | None]]:
        async with serving(saying(answer()), self_signed(tmp_path)) as target:

            async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                there, back = await asyncio.open_connection("127.0.0.1", target.port)
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(relay(reader, back), relay(there, writer))

            async with serving(script) as proxy:
                request = "https://www.example.com/page?x=1"
                verdict = await probe("http_proxy", proxy.port, request=request, receive="ok")
                return verdict, proxy.requests, target.requests, target.names

    verdict, asked_proxy, asked_target, names = asyncio.run(run())
    assert verdict.outcome is Outcome.PASS
    assert asked_proxy[0].startswith(b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n")
    assert asked_target[0].startswith(b"GET /page?x=1 HTTP/1.1\r\n")
    assert b"\r\nHost: www.example.com\r\n" in asked_target[0]
    assert names == ["www.example.com"]


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"), Reason.WRONG_STATUS),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), Reason.BAD_ANSWER),
        (saying(b"HTTP/1.1 200 OK\r\n\r\nwords"), Reason.BAD_ANSWER),
        (saying_and_waiting(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000), Reason.TOO_LARGE),
        (saying_and_waiting(b"HTTP/1.1 200 OK\r\n\r\n"), Reason.READ_TIMEOUT),
        (saying(b"HTTP/1.1 200 OK\r\n"), Reason.CONNECTION_LOST),
        (saying(b"HTTP/1.1 200 OK\r\n\r\n"), Reason.CONNECTION_LOST),
    ],
    ids=["403", "ssh", "speaks into it", "endless head", "no tls behind it", "closes", "closes the tunnel"],
)
def test_a_tunnel_that_is_refused_is_down(script: Script, reason: Reason) -> None:
    verdict, _ = asked(script, 0.5, "https://www.example.com/")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)
