import asyncio
import gc
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from ldirector.checks import https
from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.servers import answer, saying, self_signed, serving
from tests.ldirector.checks.test_http import a_spec


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return self_signed(tmp_path)


async def check(context: ssl.SSLContext | None, **spec: Any) -> tuple[Verdict, list[str | None]]:
    async with serving(saying(answer()), context) as server:
        loop = asyncio.get_running_loop()
        verdict = await https.check(a_spec(server.port, service="https", **spec), loop.time() + 5)
        return verdict, server.names


def test_an_expired_self_signed_certificate_does_not_decide(context: ssl.SSLContext) -> None:
    verdict, _ = asyncio.run(check(context))
    assert verdict.outcome is Outcome.PASS


@pytest.mark.parametrize("virtualhost", ["www..example.com", ".example.com", ".", "x" * 64, "a." * 127 + "com"])
def test_a_host_that_tls_cannot_carry_is_not_asked_for_and_does_not_decide(
    context: ssl.SSLContext, virtualhost: str
) -> None:
    verdict, names = asyncio.run(check(context, virtualhost=virtualhost))
    assert (verdict, names) == (Verdict(Outcome.PASS, Reason.OK, "200 OK"), [None])


def test_a_body_of_the_usual_limit_fits_through_tls(context: ssl.SSLContext) -> None:
    async def run(size: int) -> Verdict:
        async with serving(saying(answer(b"x" * (size - 2) + b"ok")), context) as server:
            loop = asyncio.get_running_loop()
            return await https.check(a_spec(server.port, service="https"), loop.time() + 10)

    assert asyncio.run(run(256 * 1024)).outcome is Outcome.PASS
    assert asyncio.run(run(256 * 1024 + 1)).reason is Reason.TOO_LARGE


def test_a_server_that_goes_in_the_handshake_lost_the_connection() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def leave() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1000):
                    pass

        async def run() -> Verdict:
            leaving = asyncio.create_task(asyncio.to_thread(leave))
            spec = a_spec(listener.getsockname()[1], service="https")
            verdict = await https.check(spec, asyncio.get_running_loop().time() + 5)
            await leaving
            return verdict

        verdict = asyncio.run(run())
    assert (verdict.reason, verdict.detail) == (Reason.CONNECTION_LOST, "closed in the handshake")


def test_a_server_name_is_sent_only_when_virtualhost_names_one(context: ssl.SSLContext) -> None:
    assert asyncio.run(check(context))[1] == [None]
    assert asyncio.run(check(context, address="localhost", virtualhost="localhost"))[1] == [None]
    assert asyncio.run(check(context, virtualhost="www.example.com"))[1] == ["www.example.com"]


def test_a_server_without_tls_is_a_tls_failure() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> Verdict:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await https.check(a_spec(port, service="https"), asyncio.get_running_loop().time() + 5)

    verdict = asyncio.run(run())
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.TLS)


def test_a_check_that_gives_up_early_leaves_no_error_behind(
    context: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    verdict, _ = asyncio.run(check(context, tls=TlsRules(minimum_days=1)))
    assert verdict.reason is Reason.CERTIFICATE
    gc.collect()
    assert [record for record in caplog.records if "never retrieved" in record.getMessage()] == []
