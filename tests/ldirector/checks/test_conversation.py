import asyncio
import contextlib
import socket
import ssl
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from ldirector.checks import imap, pop, smtp
from ldirector.checks.attempt import BadAnswer
from ldirector.checks.conversation import BYTES_LIMIT, LINE_LIMIT, LINES_LIMIT, Conversation, as_line, shown
from ldirector.core.events import CheckSpec
from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.ldirector.checks.line_servers import (
    PASSED,
    Call,
    Talk,
    a_spec,
    answering,
    checking,
    closing,
    dripping,
    flooding,
    judged,
    silent,
)
from tests.ldirector.checks.servers import self_signed


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return self_signed(tmp_path)


def run(check_of: CheckSpec, timeout: float) -> Verdict:
    async def judge() -> Verdict:
        return await pop.check(check_of, asyncio.get_running_loop().time() + timeout)

    return asyncio.run(judge())


def test_line_ends_are_cut_whatever_their_kind() -> None:
    for greeting in (b"+OK hi\r\n", b"+OK hi\n", b"+OK hi\r\r\n", b"+OK\r\n"):
        assert judged(pop.check, answering(greeting)) == PASSED


def test_exactly_so_many_bytes_are_waited_for_and_a_part_of_them_is_never_shown() -> None:
    async def converse(sent: bytes) -> tuple[list[bytes], str]:
        near, far = socket.socketpair()
        near.setblocking(False)
        with far, contextlib.closing(Conversation(near)) as conversation:
            far.sendall(sent)
            far.shutdown(socket.SHUT_WR)
            got: list[bytes] = []
            try:
                for count in (2, 0, 3):
                    got.append(await conversation.exactly(count))
            except BadAnswer as problem:
                return got, f"{problem.reason.name}: {problem.detail}"
            return got, ""

    assert asyncio.run(converse(b"abcdef")) == ([b"ab", b"", b"cde"], "")
    assert asyncio.run(converse(b"abse")) == ([b"ab", b""], "CONNECTION_LOST: closed in the middle of the answer")
    assert asyncio.run(converse(b"ab")) == ([b"ab", b""], "CONNECTION_LOST: ")


def test_a_server_that_floods_us_leaves_others_their_turn() -> None:
    async def converse() -> int:
        near, far = socket.socketpair()
        near.setblocking(False)
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        with far, contextlib.closing(Conversation(near)) as conversation:
            far.sendall(bytes(64 * 1024))
            counting = asyncio.create_task(count())
            await conversation.exactly(64 * 1024)
            counting.cancel()
        return turns

    assert asyncio.run(converse()) >= 3


def test_a_line_in_many_pieces_is_one_line() -> None:
    async def talk(call: Call) -> None:
        for byte in b"+OK in pieces\r\n":
            await call.say(bytes([byte]))
            await asyncio.sleep(0)
        await call.hear()

    assert judged(pop.check, talk) == PASSED


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (flooding(b"x" * 1000), f"a line over {LINE_LIMIT} bytes: '{'x' * 79}"),
        (flooding(b"* x\r\n", b"* OK\r\n"), f"over {LINES_LIMIT} lines"),
        (flooding(b"* " + b"x" * 8000 + b"\r\n", b"* OK\r\n"), f"over {BYTES_LIMIT} bytes"),
    ],
    ids=["line", "lines", "bytes"],
)
def test_an_endless_answer_is_too_large_in_less_than_its_memory(talk: Talk, said: str) -> None:
    assert checking(imap.check, talk, login="joe")[0] == Verdict(Outcome.FAIL, Reason.TOO_LARGE, said)


def flood(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    """Sends untagged lines for ever to each client, out of one buffer; ends with the listener."""
    endless = b"* OK\r\n" + (b"* " + b"x" * 8000 + b"\r\n") * 100
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            with contextlib.suppress(OSError), client:
                sock = context.wrap_socket(client, server_side=True) if context else client
                with sock:
                    while True:
                        sock.sendall(endless)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_check_takes_little_memory_whatever_the_server_sends(secure: bool, context: ssl.SSLContext) -> None:
    """The server is a thread that allocates nothing while it sends."""

    async def peak() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = threading.Thread(target=flood, args=(listener, context if secure else None))
            server.start()
            try:
                port = listener.getsockname()[1]
                spec = a_spec(port, service="imaps" if secure else "imap", login="joe")
                deadline = asyncio.get_running_loop().time() + 5
                await imap.check(spec, deadline)  # what is made once for all checks is made now
                tracemalloc.start()
                verdict = await imap.check(spec, deadline)
                assert verdict.reason is Reason.TOO_LARGE
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
                listener.shutdown(socket.SHUT_RDWR)
                server.join()

    assert asyncio.run(peak()) < 64 * 1024


@pytest.mark.parametrize("part", [b"+", b"* x\r\n", b"220-x\r\n"])
def test_a_dripping_server_cannot_stretch_the_deadline(part: bytes) -> None:
    started = time.monotonic()
    verdict, _ = checking(imap.check if part[:1] == b"*" else smtp.check, dripping(part), timeout=0.3, login="joe")
    assert verdict.reason in (Reason.READ_TIMEOUT, Reason.BAD_ANSWER)
    assert time.monotonic() - started < 3


def test_a_silent_server_is_a_read_timeout_with_and_without_tls(context: ssl.SSLContext) -> None:
    failed = (Outcome.FAIL, Reason.READ_TIMEOUT)
    assert judged(pop.check, silent(), timeout=0.2) == failed
    assert judged(pop.check, silent(), timeout=0.2, service="pops") == failed
    assert judged(pop.check, silent(), context, timeout=0.3, service="pops") == failed


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert run(a_spec(port), 5.0).reason is Reason.CONNECT_REFUSED


def test_a_server_that_closes_early_lost_the_connection(context: ssl.SSLContext) -> None:
    for said, detail in ((b"", ""), (b"+O", "in the middle of a line: '+O'")):
        lost = Verdict(Outcome.FAIL, Reason.CONNECTION_LOST, detail)
        assert checking(pop.check, closing(said))[0] == lost
        assert checking(pop.check, closing(said), context, service="pops")[0] == lost


def test_a_server_that_goes_without_a_goodbye_of_tls_lost_the_connection(context: ssl.SSLContext) -> None:
    async def talk(call: Call) -> None:
        await call.say(b"+O")
        await asyncio.sleep(0.05)
        call.writer.transport.abort()

    verdict, _ = checking(pop.check, talk, context, service="pops")
    assert verdict == Verdict(Outcome.FAIL, Reason.CONNECTION_LOST, "in the middle of a line: '+O'")


def test_a_server_that_goes_during_the_handshake_is_a_tls_failure() -> None:
    async def talk(call: Call) -> None:
        await call.reader.read(100_000)

    assert judged(pop.check, talk, service="pops") == (Outcome.FAIL, Reason.TLS)


def test_tls_services_talk_over_tls(context: ssl.SSLContext) -> None:
    talk = answering(b"+OK\r\n", {b"USER": b"+OK\r\n", b"PASS": b"+OK\r\n"})
    verdict, heard = checking(pop.check, talk, context, service="pops", login="joe", passwd="secret")
    assert verdict.outcome is Outcome.PASS
    assert heard == [b"USER joe", b"PASS secret", b"QUIT"]


def test_plain_text_where_tls_is_wanted_is_a_tls_failure() -> None:
    assert judged(pop.check, answering(b"+OK hi\r\n"), service="pops") == (Outcome.FAIL, Reason.TLS)


def test_a_certificate_is_verified_when_the_rules_ask_for_it(context: ssl.SSLContext) -> None:
    for rules in (TlsRules(verify=True), TlsRules(minimum_days=1)):
        verdict, heard = checking(pop.check, answering(b"+OK\r\n"), context, service="pops", login="joe", tls=rules)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CERTIFICATE)
        assert heard == []


@pytest.mark.parametrize(("name", "reason"), [("127.0.0.1", Reason.OK), ("127.0.0.2", Reason.CERTIFICATE)])
def test_a_verified_certificate_must_carry_the_address(name: str, reason: Reason) -> None:
    authority = Authority()
    rules = TlsRules(verify=True, authorities=authority.file, minimum_days=7)
    talk = answering(b"+OK\r\n")
    assert judged(pop.check, talk, authority.server(name), service="pops", tls=rules)[1] is reason


@pytest.mark.parametrize("end", ["\r", "\n", "\0", "\r\n"])
def test_a_line_end_inside_a_command_is_refused(end: str) -> None:
    with pytest.raises(BadAnswer, match="take it out"):
        as_line(f"USER joe{end}DELE 1")
    verdict, heard = checking(pop.check, answering(b"+OK\r\n"), login=f"joe{end}DELE 1")
    assert (verdict.outcome, verdict.reason, heard) == (Outcome.FAIL, Reason.INTERNAL, [])


def test_bytes_of_the_configuration_arrive_as_they_were() -> None:
    login = b"j\xf6\xc3\xb6".decode("utf-8", "surrogateescape")
    _, heard = checking(pop.check, answering(b"+OK\r\n", {b"USER": b"-ERR\r\n"}), login=login)
    assert heard[0] == b"USER j\xf6\xc3\xb6"


def test_words_of_a_server_are_short_and_printable() -> None:
    for words in (bytes(range(256)) * 4, b"\xff" * 500, "\N{PILE OF POO}".encode() * 500, b"'\"\\" * 200):
        assert shown(words).isascii()
        assert shown(words).isprintable()
        assert len(shown(words)) <= 80


def test_a_farewell_waits_for_nobody() -> None:
    ours, theirs = socket.socketpair()
    with theirs, contextlib.closing(Conversation(ours)) as conversation:
        ours.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(65536))
        conversation.leave("QUIT")
        theirs.close()
        conversation.leave("QUIT")
