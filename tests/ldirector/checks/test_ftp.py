import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ldirector.checks import ftp
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import PASSED, Call, Talk, a_spec, answering, checking, peer

GREETING = b"220 ftp\r\n"
OK = {
    b"USER": b"331 password?\r\n",
    b"PASS": b"230 in\r\n",
    b"CWD": b"250 ok\r\n",
    b"TYPE": b"200 ok\r\n",
    b"RETR": b"150 here it comes\r\n226 done\r\n",
}
LOGIN = [b"USER joe", b"PASS secret", b"CWD /"]


@contextlib.asynccontextmanager
async def data_port(body: bytes, address: str) -> AsyncIterator[int]:
    """Sends the body to whoever connects, and closes."""

    async def talk(call: Call) -> None:
        await call.say(body)

    async with peer(talk, address=address) as server:
        yield server.port


def passive(port: int, host: str = "10,9,8,7") -> bytes:
    """The host is one that must not be believed."""
    return f"227 Entering Passive Mode ({host},{port >> 8},{port & 255}).\r\n".encode()


def retrieving(
    body: bytes = b"it is ok\n", answers: dict[bytes, bytes] | None = None, address: str = "127.0.0.1", **spec: Any
) -> tuple[Verdict, list[bytes]]:
    """The verdict on a server that has this file, and what the server heard."""

    async def run() -> tuple[Verdict, list[bytes]]:
        async with data_port(body, address) as port:
            extended = f"229 Extended ok (|||{port}|)\r\n".encode()
            told = {**OK, b"PASV": passive(port), b"EPSV": extended, **(answers or {})}
            async with peer(answering(GREETING, told), address=address) as server:
                values: dict[str, Any] = {"request": "/file", "login": "joe", "passwd": "secret", "timeout": 5.0}
                asked: CheckSpec = a_spec(server.port, address=address, **values | spec)
                verdict = await ftp.check(asked, asyncio.get_running_loop().time() + asked.timeout)
                await asyncio.wait_for(server.gone.wait(), 2)
                return verdict, server.heard

    return asyncio.run(run())


def test_the_file_is_retrieved_as_the_original_does_and_matched() -> None:
    verdict, heard = retrieving(receive="is ok$")
    assert verdict == Verdict(Outcome.PASS, Reason.OK)
    assert heard == [*LOGIN, b"TYPE I", b"PASV", b"RETR /file", b"QUIT"]
    assert retrieving(receive="sorry")[0].reason is Reason.RECEIVE_MISMATCH


def test_the_data_connection_goes_to_the_checked_server_whatever_address_it_names() -> None:
    """passive() names 10.9.8.7."""
    verdict, _ = retrieving(b"ok", receive="ok")
    assert verdict.outcome is Outcome.PASS


def test_over_ipv6_the_port_is_asked_for_with_epsv() -> None:
    verdict, heard = retrieving(address="::1", receive="ok")
    assert verdict.outcome is Outcome.PASS
    assert b"EPSV" in heard
    assert b"PASV" not in heard


def test_an_empty_receive_still_wants_a_whole_transfer() -> None:
    assert retrieving()[0].outcome is Outcome.PASS
    verdict, _ = retrieving(answers={b"RETR": b"550 no such file\r\n"})
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, "RETR 550: 'no such file'")
    verdict, _ = retrieving(answers={b"RETR": b"150 here\r\n451 disk failed\r\n"})
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, "RETR 451: 'disk failed'")


@pytest.mark.parametrize("request_", ["", "/"])
def test_without_request_and_receive_the_login_decides(request_: str) -> None:
    verdict, heard = retrieving(request=request_)
    assert (verdict.outcome, heard) == (Outcome.PASS, [*LOGIN, b"QUIT"])
    verdict, heard = retrieving(request=request_, answers={b"PASS": b"530 no\r\n"})
    assert (verdict.outcome, heard) == (Outcome.FAIL, [*LOGIN[:2], b"QUIT"])
    _, heard = retrieving(request="/", receive="ok")
    assert b"RETR /" in heard


def test_without_login_it_is_anonymous() -> None:
    _, heard = retrieving(login="", passwd="")
    assert heard[:2] == [b"USER anonymous", f"PASS ldirectord@{socket.gethostname()}".encode()]
    _, heard = retrieving(login="", passwd="me@home")
    assert heard[:2] == [b"USER anonymous", b"PASS me@home"]


def test_a_server_that_wants_no_password_is_given_none() -> None:
    verdict, heard = retrieving(answers={b"USER": b"230 in\r\n"})
    assert (verdict.outcome, heard[1]) == (Outcome.PASS, b"CWD /")


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        ({b"USER": b"530 anonymous only\r\n"}, "USER 530: 'anonymous only'"),
        ({b"USER": b"332 account?\r\n"}, "USER 332: 'account?'"),
        ({b"PASS": b"530-not\r\nsecret\r\n530 secret\r\n"}, "PASS 530"),
        ({b"PASS": b"332 secret\r\n"}, "PASS 332"),
        ({b"CWD": b"550 no\r\n"}, "CWD 550: 'no'"),
        ({b"TYPE": b"504 no\r\n"}, "TYPE 504: 'no'"),
        ({b"PASV": b"502 no\r\n"}, "PASV 502: 'no'"),
    ],
)
def test_a_server_that_refuses_a_step_is_down_with_its_words(answers: dict[bytes, bytes], detail: str) -> None:
    verdict, heard = retrieving(answers=answers)
    assert verdict == Verdict(Outcome.FAIL, Reason.REFUSED, detail)
    assert heard[-1] == b"QUIT"


@pytest.mark.parametrize(
    "answer", [b"227 ok\r\n", b"227 (1,2,3,4,0,0)\r\n", b"227 (1,2,3,4,256,0)\r\n", b"227 (1,2,3,4,999,999)\r\n"]
)
def test_a_server_that_names_no_port_is_not_understood(answer: bytes) -> None:
    assert retrieving(answers={b"PASV": answer})[0].reason is Reason.BAD_ANSWER


def test_a_refused_data_connection_says_that_it_was_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    verdict, _ = retrieving(answers={b"PASV": passive(port)})
    assert verdict == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED, f"data connection to port {port}")


def test_a_file_over_the_limit_is_too_large() -> None:
    assert retrieving(b"x" * 256 * 1024, receive="x")[0].outcome is Outcome.PASS
    assert retrieving(b"x" * (256 * 1024 + 1), receive="x")[0].reason is Reason.TOO_LARGE
    assert retrieving(b"x" * (256 * 1024 + 1))[0].reason is Reason.TOO_LARGE


def test_a_server_that_is_ready_later_is_waited_for() -> None:
    async def talk(call: Call) -> None:
        await call.say(b"120 soon\r\n")
        await call.say(b"220-multi\r\n 220 not the end\r\n220-nor this\r\n220 ready\r\n")
        for answer in (b"230 in\r\n", b"250 ok\r\n"):
            await call.hear()
            await call.say(answer)
        await call.hear()

    verdict, heard = checking(ftp.check, talk)
    assert (verdict.outcome, verdict.reason) == PASSED
    assert heard == [b"USER anonymous", b"CWD /", b"QUIT"]


@pytest.mark.parametrize("talk", [answering(b"SSH-2.0-x\r\n"), answering(b"+OK\r\n"), answering(b"* OK imap\r\n")])
def test_a_server_of_another_protocol_is_down(talk: Talk) -> None:
    verdict, _ = checking(ftp.check, talk)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.BAD_ANSWER)


@pytest.mark.parametrize("field", ["login", "passwd", "request"])
def test_no_setting_can_smuggle_a_second_command(field: str) -> None:
    setting: dict[str, Any] = {field: "/x\r\nDELE y"}
    verdict, heard = retrieving(**setting)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.INTERNAL)
    assert not any(b"DELE" in line for line in heard)


def test_a_silent_data_connection_is_a_read_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        verdict, _ = retrieving(answers={b"PASV": passive(listener.getsockname()[1])}, timeout=0.3)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.READ_TIMEOUT)
