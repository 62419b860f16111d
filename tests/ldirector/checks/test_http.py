import asyncio
import gzip
import time
from typing import Any

import pytest

from ldirector.checks import http
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.servers import Script, answer, dripping, saying, saying_and_waiting, serving

EVIL = "(a|aa)+$"


async def check(script: Script, timeout: float = 5.0, **spec: Any) -> Verdict:
    async with serving(script) as server:
        return await http.check(a_spec(server.port, timeout, **spec), asyncio.get_running_loop().time() + timeout)


def a_spec(port: int, timeout: float = 5.0, address: str = "127.0.0.1", **more: Any) -> CheckSpec:
    values: dict[str, Any] = {"request": "/index.html", "receive": "ok", "virtualhost": "127.0.0.1", "service": "http"}
    return CheckSpec("negotiate", address, port, timeout, **values | more)


def judged(script: Script, **spec: Any) -> tuple[Outcome, Reason]:
    verdict = asyncio.run(check(script, **spec))
    return verdict.outcome, verdict.reason


PASSED = (Outcome.PASS, Reason.OK)


def test_request_is_byte_for_byte_the_originals() -> None:
    async def run() -> list[bytes]:
        async with serving(saying(answer())) as server:
            await http.check(a_spec(server.port, virtualhost="www.example.com"), asyncio.get_running_loop().time() + 5)
            return server.requests

    assert asyncio.run(run()) == [
        b"GET /index.html HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\nConnection: TE, close\r\n"
        b"Host: www.example.com\r\nUser-Agent: libwww-perl/6.68\r\n\r\n"
    ]


@pytest.mark.parametrize(
    "script",
    [
        saying(answer(b"it is ok\n")),
        saying(answer(b"ok\n", "201 Created")),
        saying(b"HTTP/1.0 200 OK\r\n\r\nok"),
        saying(b"HTTP/1.1 200 OK\n\nok"),
        saying(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n"),
        saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", answer()),
        saying(answer() + b"and more than announced"),
    ],
    ids=["length", "201", "http/1.0", "bare newlines", "no phrase", "chunked", "interim answers", "too much"],
)
def test_a_good_answer_passes_in_every_framing(script: Script) -> None:
    assert judged(script) == PASSED


def test_compressed_transfer_coding_is_undone() -> None:
    body = gzip.compress(b"it is ok")
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    assert judged(saying(head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")) == PASSED


def test_a_compression_bomb_is_too_large() -> None:
    body = gzip.compress(bytes(50_000_000))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    script = saying_and_waiting(head + b"%x\r\n" % len(body) + body + b"\r\n")
    assert judged(script) == (Outcome.FAIL, Reason.TOO_LARGE)


def test_check_ends_with_the_announced_body_although_the_server_keeps_the_connection() -> None:
    assert judged(saying_and_waiting(answer())) == PASSED


def test_check_ends_with_the_head_when_no_body_is_wanted() -> None:
    unfinished = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    assert judged(saying_and_waiting(unfinished), receive="") == PASSED
    assert judged(saying_and_waiting(unfinished), receive="", httpmethod="HEAD") == PASSED
    refused = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\n"
    assert judged(saying_and_waiting(refused)) == (Outcome.FAIL, Reason.WRONG_STATUS)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (saying(answer(b"sorry\n")), Reason.RECEIVE_MISMATCH),
        (saying(answer(b"ok\n", "503 Service Unavailable")), Reason.WRONG_STATUS),
        (saying(answer(b"ok\n", "304 Not Modified")), Reason.WRONG_STATUS),
        (saying(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), Reason.WRONG_STATUS),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.BAD_ANSWER),
        (saying(b"\x15\x03\x01\x00\x02\x02\x16"), Reason.BAD_ANSWER),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\nok"), Reason.BAD_ANSWER),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n"), Reason.BAD_ANSWER),
        (saying(), Reason.CONNECTION_LOST),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Le"), Reason.CONNECTION_LOST),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), Reason.CONNECTION_LOST),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), Reason.CONNECTION_LOST),
        (dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 0), Reason.TOO_LARGE),
        (saying(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), Reason.BAD_ANSWER),
        (saying_and_waiting(b"HTTP/1.1 200 OK\r\n" + b"X-Pad: some words\r\n" * 9000), Reason.TOO_LARGE),
        (saying_and_waiting(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_100_000), Reason.TOO_LARGE),
    ],
    ids=[
        "other page",
        "503",
        "304",
        "101",
        "ssh",
        "tls alert",
        "bad length",
        "not gzip",
        "silent close",
        "close in head",
        "close in body",
        "close in chunks",
        "endless 100",
        "broken headers",
        "endless headers",
        "endless body",
    ],
)
def test_a_bad_answer_fails_with_its_reason(script: Script, reason: Reason) -> None:
    assert judged(script) == (Outcome.FAIL, reason)


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_dripping_server_cannot_stretch_the_deadline(part: bytes) -> None:
    async def run() -> tuple[Verdict, float]:
        started = time.monotonic()
        return await check(dripping(part), timeout=0.3), time.monotonic() - started

    verdict, took = asyncio.run(run())
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason in (Reason.READ_TIMEOUT, Reason.BAD_ANSWER)
    assert took < 3


def test_a_server_that_accepts_and_says_nothing_is_a_read_timeout() -> None:
    verdict = asyncio.run(check(saying_and_waiting(), timeout=0.2))
    assert verdict.reason is Reason.READ_TIMEOUT


def test_anchors_are_the_ends_of_the_body_only() -> None:
    assert judged(saying(answer(b"first\nok\n")), receive="^ok") == (Outcome.FAIL, Reason.RECEIVE_MISMATCH)
    assert judged(saying(answer(b"first\nok\n")), receive="ok$") == PASSED


def test_a_hostile_pattern_costs_one_check_a_bounded_time() -> None:
    assert judged(saying(answer(b"a" * 60 + b"b")), receive=EVIL) == (Outcome.FAIL, Reason.PATTERN_TIMEOUT)


def test_a_closed_port_is_refused() -> None:
    async def run() -> Verdict:
        async with serving(saying()) as server:
            port = server.port
        return await http.check(a_spec(port), asyncio.get_running_loop().time() + 5)

    assert asyncio.run(run()).reason is Reason.CONNECT_REFUSED


def test_garbage_of_any_cut_gives_a_verdict() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"

    async def run() -> None:
        for cut in range(len(whole)):
            verdict = await check(saying(whole[:cut]))
            assert verdict.reason is Reason.CONNECTION_LOST, whole[:cut]
            for junk in (b"\0", b"\xff" * 3, b"\r\n"):
                verdict = await check(saying(whole[:cut] + junk + whole[cut:]))
                assert verdict.outcome in (Outcome.PASS, Outcome.FAIL)
                assert verdict.reason is not Reason.READ_TIMEOUT

    asyncio.run(run())


def test_the_check_runs_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(check(saying(answer()))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "part",
    [b"1;" + b"x" * 9000 + b"\r\nx\r\n", b"0" * 1000, b"0\r\n" + b"X-Trailer: 1\r\n" * 1000, b"0\r\nX: " + b"x" * 1000],
    ids=["extensions", "zeros", "trailers", "trailer line"],
)
def test_what_stands_around_a_body_is_bounded(part: bytes) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    head, _, rest = part.partition(b"\r\n") if part.startswith(b"0\r\n") else (b"", b"", part)
    script = saying_and_waiting(chunked + (head + b"\r\n" if head else b""), *[rest] * 200)
    assert judged(script)[1] is Reason.TOO_LARGE


def test_what_follows_a_compressed_body_is_refused() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (gzip.compress(b"no"), gzip.compress(b"ok"))]
    assert judged(saying_and_waiting(head, *parts))[1] is Reason.BAD_ANSWER


def test_a_compressed_body_that_never_holds_anything_is_bounded() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: deflate\r\n\r\n\x78\x9c"
    empty_blocks = b"\0\0\0\xff\xff" * 10_000
    assert judged(saying_and_waiting(head, *[empty_blocks] * 20))[1] is Reason.TOO_LARGE
