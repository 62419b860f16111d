import asyncio
import socket

import pytest

from ldirector.checks import sip
from ldirector.checks.attempt import attempt
from ldirector.checks.datagrams import LONGEST_PAUSE, Question, connected
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.line_servers import a_spec, checking_udp


class StillClock(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer as soon as nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def test_a_request_is_repeated_with_growing_pauses() -> None:
    sent: list[float] = []

    class Socket:
        def send(self, _data: bytes) -> None:
            sent.append(loop.time())

    async def silent(_sock: object, _size: int) -> bytes:
        never: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        return await never

    with pytest.MonkeyPatch.context() as patch:
        loop = StillClock()
        patch.setattr(loop, "sock_recv", silent)
        asyncio.set_event_loop(None)

        async def ask() -> Verdict:
            await Question(Socket(), b"x").answer()  # type: ignore[arg-type]
            return Verdict(Outcome.PASS, Reason.OK)

        try:
            verdict = loop.run_until_complete(attempt(20.0, ask()))
        finally:
            loop.close()
    assert verdict.reason is Reason.READ_TIMEOUT
    assert sent == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]
    assert LONGEST_PAUSE == 4.0


def test_a_lost_datagram_does_not_eject_the_server() -> None:
    verdict, heard = checking_udp(sip.check, [], [b"SIP/2.0 200 OK\r\n\r\n"])
    assert verdict.outcome is Outcome.PASS
    assert len(heard) == 2
    assert heard[0] == heard[1]


def test_a_closed_port_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    async def run() -> Verdict:
        return await sip.check(a_spec(port, protocol="udp"), asyncio.get_running_loop().time() + 5)

    assert asyncio.run(run()) == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_datagrams_of_others_are_not_heard(family: int, address: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as server, socket.socket(family, socket.SOCK_DGRAM) as stranger:
        server.bind((address, 0))

        async def ask() -> bytes:
            with connected(address, server.getsockname()[1]) as sock:
                stranger.sendto(b"forged", sock.getsockname())
                server.sendto(b"true", sock.getsockname())
                return await Question(sock, b"x").answer()

        assert asyncio.run(ask()) == b"true"
