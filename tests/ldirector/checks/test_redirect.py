import asyncio
import gzip
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ldirector.checks import http, https, redirect, tls
from ldirector.checks.attempt import BadAnswer
from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.ldirector.checks.servers import Script, answer, dripping, saying, saying_and_waiting, self_signed, serving
from tests.ldirector.checks.test_http import a_spec

GOOD, OTHER = Authority(), Authority()


def moved(location: str, status: str = "302 Found") -> Script:
    return saying(answer(b"moved", status, f"Location: {location}"))


async def followed(target: Script, timeout: float = 5.0) -> tuple[Verdict, list[bytes]]:
    """A check of a server that sends to another one, and the requests that one got."""
    async with serving(target) as second, serving(moved(f"http://localhost:{second.port}/new?x=1")) as first:
        loop = asyncio.get_running_loop()
        verdict = await http.check(a_spec(first.port, timeout, virtualhost="www.example.com"), loop.time() + timeout)
        return verdict, second.requests


def test_a_redirect_leads_to_another_host_with_the_host_of_the_location() -> None:
    verdict, (request,) = asyncio.run(followed(saying(answer())))
    assert verdict.outcome is Outcome.PASS
    assert request.startswith(b"GET /new?x=1 HTTP/1.1\r\nHost: localhost:")
    assert b"User-Agent: libwww-perl/6.68\r\n" in request


def test_the_answer_at_the_end_decides() -> None:
    assert asyncio.run(followed(saying(answer(b"other"))))[0].reason is Reason.RECEIVE_MISMATCH
    assert asyncio.run(followed(saying(answer(b"ok", "500 Oops"))))[0].reason is Reason.WRONG_STATUS
    assert asyncio.run(followed(saying()))[0].reason is Reason.CONNECTION_LOST


def test_a_circle_of_redirects_ends_after_seven() -> None:
    async def run() -> tuple[Verdict, int]:
        async with serving(moved("/again")) as server:
            verdict = await http.check(a_spec(server.port), asyncio.get_running_loop().time() + 5)
            return verdict, len(server.requests)

    verdict, requests = asyncio.run(run())
    assert (verdict.reason, requests) == (Reason.WRONG_STATUS, 1 + redirect.MAX_REDIRECTS)


def test_no_compression_is_asked_for_behind_a_redirect_and_none_is_undone() -> None:
    body = gzip.compress(b"ok")
    verdict, (request,) = asyncio.run(followed(saying(answer(body, "200 OK", "Content-Encoding: gzip"))))
    assert verdict.reason is Reason.RECEIVE_MISMATCH
    assert b"\r\nAccept-Encoding: identity\r\n" in request
    assert b"\r\nTE:" not in request


def test_interim_answers_without_end_are_cut_off() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert asyncio.run(followed(saying_and_waiting(interim * 1000)))[0].reason is Reason.CONNECTION_LOST
    assert asyncio.run(followed(saying(interim * redirect.MAX_INTERIM, answer())))[0].outcome is Outcome.PASS


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_a_server_elsewhere_cannot_send_us_to_this_machines_loopback(host: str) -> None:
    async def run(location: str) -> None:
        deadline = asyncio.get_running_loop().time() + 5
        await redirect.follow(a_spec(80, address="192.0.2.1"), "http://192.0.2.1/", location, deadline)

    with socket.socket() as listener:
        listener.bind(("", 0))
        listener.listen()
        listener.settimeout(5)
        with pytest.raises(BadAnswer, match="redirected to this machine's loopback"):
            asyncio.run(run(f"http://{host}:{listener.getsockname()[1]}/admin"))
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1000) == b"", "something was sent"


def test_a_server_on_loopback_may_send_us_there() -> None:
    async def run(address: str) -> int:
        async with serving(saying(answer())) as server:
            deadline = asyncio.get_running_loop().time() + 5
            location = f"http://127.0.0.1:{server.port}/"
            return (await redirect.follow(a_spec(server.port, address=address), location, location, deadline)).status

    assert [asyncio.run(run(address)) for address in ("127.0.0.1", "localhost")] == [200, 200]


@pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:99999/", "http://", "//"])
def test_a_redirect_to_no_url_is_the_servers_fault(location: str) -> None:
    async def run() -> Verdict:
        async with serving(moved(location)) as server:
            return await http.check(a_spec(server.port), asyncio.get_running_loop().time() + 5)

    assert asyncio.run(run()).outcome is Outcome.FAIL


def test_a_redirect_without_or_with_a_foreign_location_fails() -> None:
    async def run(script: Script) -> Verdict:
        async with serving(script) as server:
            return await http.check(a_spec(server.port), asyncio.get_running_loop().time() + 5)

    assert asyncio.run(run(saying(answer(b"", "302 Found")))).reason is Reason.WRONG_STATUS
    assert asyncio.run(run(moved("ftp://example.com/x"))).reason is Reason.WRONG_STATUS


def test_an_endless_body_behind_a_redirect_is_too_large() -> None:
    endless = saying_and_waiting(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_200_000)
    assert asyncio.run(followed(endless))[0].reason is Reason.TOO_LARGE


def test_a_dripping_target_stretches_neither_the_deadline_nor_its_thread() -> None:
    async def run() -> Verdict:
        async with serving(dripping(b"X")) as second, serving(moved(f"http://127.0.0.1:{second.port}/")) as first:
            verdict = await http.check(a_spec(first.port), asyncio.get_running_loop().time() + 0.5)
            while any(thread.name == "redirect" for thread in threading.enumerate()):
                await asyncio.sleep(0.01)
            return verdict

    started = time.monotonic()
    verdict = asyncio.run(asyncio.wait_for(run(), 10))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.READ_TIMEOUT)
    assert time.monotonic() - started < 5


def test_a_dripping_target_behind_tls_does_not_keep_its_thread_either(tmp_path: Path) -> None:
    async def run() -> Verdict:
        target = serving(dripping(b"X"), self_signed(tmp_path))
        async with target as second, serving(moved(f"https://127.0.0.1:{second.port}/")) as first:
            verdict = await http.check(a_spec(first.port), asyncio.get_running_loop().time() + 0.5)
            while any(thread.name == "redirect" for thread in threading.enumerate()):
                await asyncio.sleep(0.01)
            return verdict

    started = time.monotonic()
    assert asyncio.run(asyncio.wait_for(run(), 30)).reason is Reason.READ_TIMEOUT
    assert time.monotonic() - started < 3


def test_a_redirect_to_https_does_not_verify_either(tmp_path: Path) -> None:
    context: ssl.SSLContext = self_signed(tmp_path)

    async def run() -> Verdict:
        target = serving(saying(answer()), context)
        async with target as second, serving(moved(f"https://127.0.0.1:{second.port}/")) as first:
            return await http.check(a_spec(first.port), asyncio.get_running_loop().time() + 5)

    assert asyncio.run(run()).outcome is Outcome.PASS


def redirected(target: ssl.SSLContext, location: str, **spec: Any) -> Verdict:
    """An https check of a server that sends to `location` of another one, with that one's context."""

    async def run() -> Verdict:
        second = serving(saying(answer()), target)
        async with second as to, serving(moved(f"https://{location}:{to.port}/"), GOOD.server()) as first:
            given = {"service": "https", "virtualhost": "www.example.com", **spec}
            return await https.check(a_spec(first.port, **given), asyncio.get_running_loop().time() + 5)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("server", "location", "outcome", "reason"),
    [
        (GOOD.server("localhost"), "localhost", Outcome.PASS, Reason.OK),
        (GOOD.server("127.0.0.1"), "127.0.0.1", Outcome.PASS, Reason.OK),
        (GOOD.server("www.example.com"), "localhost", Outcome.FAIL, Reason.CERTIFICATE),
        (GOOD.server("localhost", days=-1), "localhost", Outcome.FAIL, Reason.CERTIFICATE),
        (OTHER.server("localhost"), "localhost", Outcome.FAIL, Reason.CERTIFICATE),
        (GOOD.server("localhost", days=5), "localhost", Outcome.FAIL, Reason.CERTIFICATE),
        (GOOD.server("localhost", client=True), "localhost", Outcome.FAIL, Reason.CONNECTION_LOST),
    ],
    ids=["good", "by address", "other name", "expired", "other authority", "too short a life", "wants a certificate"],
)
def test_certificates_behind_a_redirect_are_judged_by_the_same_rules(
    server: ssl.SSLContext, location: str, outcome: Outcome, reason: Reason
) -> None:
    verdict = redirected(server, location, tls=TlsRules(verify=True, authorities=GOOD.file, minimum_days=7))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_our_certificate_is_shown_behind_a_redirect_too() -> None:
    file = GOOD.certificate("checker")
    rules = TlsRules(verify=True, authorities=GOOD.file, certificate=file)
    assert redirected(GOOD.server("localhost", client=True), "localhost", tls=rules).outcome is Outcome.PASS


def test_following_leaves_the_contexts_of_other_checks_alone() -> None:
    rules = TlsRules(verify=True, authorities=GOOD.file)
    tls.context.cache_clear()
    before = tls.context(rules)
    assert redirected(GOOD.server("localhost"), "localhost", tls=rules).outcome is Outcome.PASS
    assert tls.context.cache_info().currsize == 2  # urllib3 tells its context which protocols to offer
    assert tls.context(rules, "requests") is not before
    assert (before.verify_mode, before.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(before.get_ca_certs()) == 1
    assert len(tls.context(rules, "requests").get_ca_certs()) == 1


def test_a_relative_redirect_is_verified_under_the_name_of_the_check() -> None:
    async def run() -> tuple[Verdict, list[str | None]]:
        async with serving(moved("/again"), GOOD.server()) as server:
            rules = TlsRules(verify=True, authorities=GOOD.file)
            spec = a_spec(server.port, service="https", virtualhost="www.example.com", tls=rules)
            return await https.check(spec, asyncio.get_running_loop().time() + 5), server.names

    verdict, names = asyncio.run(run())
    assert "more than" in verdict.detail
    assert names == ["www.example.com"] * (1 + redirect.MAX_REDIRECTS)


def test_https_checks_follow_relative_redirects(tmp_path: Path) -> None:
    async def run() -> tuple[Verdict, list[bytes]]:
        async with serving(moved("/again"), self_signed(tmp_path)) as server:
            loop = asyncio.get_running_loop()
            return await https.check(a_spec(server.port, service="https"), loop.time() + 5), server.requests

    verdict, requests = asyncio.run(run())
    assert verdict.reason is Reason.WRONG_STATUS
    assert len(requests) == 1 + redirect.MAX_REDIRECTS
