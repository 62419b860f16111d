import asyncio
import socket

from ldirector.checks import connect
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict


def check(address: str, port: int, timeout: float = 5.0) -> Verdict:
    async def run() -> Verdict:
        return await connect.check(
            CheckSpec("connect", address, port, timeout), asyncio.get_running_loop().time() + timeout
        )

    return asyncio.run(run())


def test_a_listener_passes_and_is_sent_nothing() -> None:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listener:
            listener.bind((address, 0))
            listener.listen()
            assert check(address, listener.getsockname()[1]) == Verdict(Outcome.PASS, Reason.OK)
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(10) == b""


def test_a_host_name_is_resolved() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert check("localhost", listener.getsockname()[1]).outcome is Outcome.PASS
    assert check("no-such-host.invalid", 80).reason is Reason.UNREACHABLE


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    verdict = check("127.0.0.1", port)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CONNECT_REFUSED)


def test_a_full_listener_times_out_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address: tuple[str, int] = listener.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(address)
            verdict = check(address[0], address[1], timeout=0.2)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CONNECT_TIMEOUT)
