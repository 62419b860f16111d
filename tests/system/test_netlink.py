"""Questions to the kernel that go wrong: answers that are lost, late or cut short, and what changes meanwhile."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from hbeat.adapters.ipaddr import AddressError, Addresses
from hbeat.adapters.ipaddr6 import Address6Error, Addresses6
from hbeat.adapters.rtnetlink import TRIES, Requests
from hbeat.core.builtin import parse_ipv6addr
from hbeat.core.lease import Standing
from hbeat.core.netlink import DUMP, INTERRUPTED, REQUEST, message
from hbeat.core.rtnetlink import RTM_GETADDR, removal, renewal
from hbeat.core.vip import parse_vip
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch

SOL_NETLINK, NETLINK_GET_STRICT_CHK = 270, 12
MANY = [f"10.20.{n // 250}.{n % 250 + 1}" for n in range(1500)]
ABSENT = "Cannot assign requested address"
Received = tuple[bytes, list[tuple[int, int, bytes]], int, object]


@pytest.fixture
def requests(host: NetworkNamespace) -> Iterator[Requests]:
    """The test is in the namespace, as a daemon is in that of its sockets."""
    with host.entered():
        made = Requests()
        yield made
        made.close()


def absent(requests: Requests) -> bytes:
    """A request that the kernel refuses."""
    index = next(a.standing.index for a in requests.addresses() if a.standing.packed == socket.inet_aton("10.1.1.2"))
    return removal(Standing(socket.inet_aton("10.1.1.77"), 24, index))


def test_an_answer_that_came_late_is_none_to_the_next_question(requests: Requests) -> None:
    refused = absent(requests)
    own = requests.addresses(socket.AF_INET)[-1].standing
    requests._socket.send(refused)
    assert requests.ask(renewal(own, 600)) == ""
    requests._socket.send(renewal(own, 600))
    assert requests.ask(refused) == ABSENT
    requests._socket.send(refused)
    assert own in [address.standing for address in requests.addresses()]


def test_after_an_answer_that_was_lost_the_next_is_that_to_its_question(requests: Requests) -> None:
    refused = absent(requests)
    own = requests.addresses(socket.AF_INET)[-1].standing
    requests._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(20):
        requests._socket.send(refused)
    assert requests.ask(refused) == os.strerror(errno.ENOBUFS)
    for _ in range(3):
        assert requests.ask(renewal(own, 600)) == ""
        assert requests.ask(refused) == ABSENT
    assert own in [address.standing for address in requests.addresses()]


def test_after_a_list_that_was_cut_off_the_next_is_whole(host: NetworkNamespace, requests: Requests) -> None:
    ip_batch(host, [f"address add {address}/32 dev eth0" for address in MANY])
    requests._socket = Faulty(requests._socket, [2])  # type: ignore[assignment]
    with pytest.raises(OSError, match="No buffer space"):
        requests.addresses()
    assert len(requests.addresses()) > len(MANY)


def test_a_question_without_an_answer_was_not_done(requests: Requests) -> None:
    own = requests.addresses(socket.AF_INET)[-1].standing
    requests._socket = Faulty(requests._socket, [1])  # type: ignore[assignment]
    assert requests.ask(renewal(own, 600)) == os.strerror(errno.ENOBUFS)
    listing = message(RTM_GETADDR, REQUEST | DUMP, bytes(8))
    assert requests.ask(listing) == "the kernel does not say whether it was done"


class Faulty:
    """A socket by which the receptions of these numbers, counted from one, fail: what the kernel has said is lost."""

    def __init__(self, inner: socket.socket, fails: list[int]) -> None:
        self._inner, self._fails, self._count = inner, fails, 0
        self.send, self.close = inner.send, inner.close

    def recvmsg(self, size: int) -> Received:
        self._count += 1
        if self._count in self._fails:
            self._inner.recv(size)
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        return self._inner.recvmsg(size)


def test_a_list_that_the_kernel_refuses_or_breaks_off_is_an_error(requests: Requests) -> None:
    with pytest.raises(OSError) as refused:
        requests._list(message(999, REQUEST | DUMP, bytes(8)), whole=True)
    assert refused.value.errno == errno.EOPNOTSUPP
    requests._socket.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
    of_no_interface = struct.pack("=BBBBI", socket.AF_INET, 0, 0, 0, 0x7FFFFFF0)
    with pytest.raises(OSError) as broken:
        requests._list(message(RTM_GETADDR, REQUEST | DUMP, of_no_interface), whole=True)
    assert broken.value.errno == errno.ENODEV


class Narrow:
    """A socket that is read into a buffer of 1000 bytes."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.send, self.close = inner.send, inner.close

    def recvmsg(self, _: int) -> Received:
        return self._inner.recvmsg(1000)


def test_a_part_that_does_not_fit_is_an_error(host: NetworkNamespace, requests: Requests) -> None:
    ip_batch(host, [f"address add {address}/32 dev eth0" for address in MANY])
    requests._socket = Narrow(requests._socket)  # type: ignore[assignment]
    with pytest.raises(OSError, match="Message too long"):
        requests.addresses()
    assert len(requests.addresses()) > len(MANY)


class Meddled:
    """A socket: after each part of a list that is read somebody does something, so many times."""

    def __init__(self, inner: socket.socket, times: int, meddle: Callable[[], None]) -> None:
        self._inner, self._left, self._meddle = inner, times, meddle
        self.send, self.close = inner.send, inner.close

    def recvmsg(self, size: int) -> Received:
        part = self._inner.recvmsg(size)
        if self._left:
            self._left -= 1
            self._meddle()
        return part


@pytest.fixture
def meddle(host: NetworkNamespace) -> Iterator[Callable[[], None]]:
    """Removes and adds the first of many addresses."""
    ip_batch(host, [f"address add {address}/32 dev eth0" for address in MANY])
    with host.entered():
        meddler = Requests()
    first = next(a.standing for a in meddler.addresses() if a.standing.packed == socket.inet_aton(MANY[0]))

    def again() -> None:
        assert meddler.ask(removal(first)) == ""
        assert meddler.ask(renewal(first, 600)) == ""

    yield again
    meddler.close()


@pytest.mark.parametrize("times", [1, 3])
def test_a_list_in_which_something_changed_is_asked_for_again(
    requests: Requests, meddle: Callable[[], None], times: int
) -> None:
    requests._socket = Meddled(requests._socket, times, meddle)  # type: ignore[assignment]
    seen = {socket.inet_ntoa(a.standing.packed) for a in requests.addresses(socket.AF_INET)}
    assert seen >= set(MANY)


def test_a_list_that_never_is_whole_is_an_error_and_no_empty_answer(
    addresses: Addresses, meddle: Callable[[], None]
) -> None:
    requests = addresses._requests
    requests._socket = Meddled(requests._socket, 1000 * TRIES, meddle)  # type: ignore[assignment]
    with pytest.raises(AddressError, match="does not tell its addresses"):
        addresses.remove(parse_vip("10.20.0.9"))


class Restless:
    """A socket by which each list has changed meanwhile, as beside a routing daemon. The kernel does so by chance."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.send, self.close = inner.send, inner.close

    def recvmsg(self, size: int) -> Received:
        told, *rest = self._inner.recvmsg(size)
        part = bytearray(told)
        part[6] |= INTERRUPTED
        return bytes(part), rest[0], rest[1], rest[2]


@pytest.fixture
def addresses(host: NetworkNamespace) -> Iterator[Addresses]:
    with host.entered():
        made = Addresses()
        yield made
        made.close()


def test_where_routes_change_all_the_time_an_address_finds_its_interface(addresses: Addresses) -> None:
    requests = addresses._requests
    requests._socket = Restless(requests._socket)  # type: ignore[assignment]
    assert addresses.locate(parse_vip("10.1.1.20")).interface == "eth0"
    with pytest.raises(AddressError, match="it changes all the time"):
        addresses.remove(parse_vip("10.1.1.20"))


def test_where_routes_change_all_the_time_a_default_route_that_is_told_is_there_and_none_is_no_answer(
    host: NetworkNamespace, requests: Requests
) -> None:
    requests._socket = Restless(requests._socket)  # type: ignore[assignment]
    assert len(requests.default_routes(socket.AF_INET)) == 1
    ip_batch(host, ["route delete default"])
    with pytest.raises(OSError, match="it changes all the time"):
        requests.default_routes(socket.AF_INET)


@pytest.fixture
def addresses6(host: NetworkNamespace) -> Iterator[Addresses6]:
    with host.entered():
        made = Addresses6()
        yield made
        made.close()


def test_an_address_that_still_is_there_under_another_prefix_was_not_removed(
    host: NetworkNamespace, addresses: Addresses, addresses6: Addresses6
) -> None:
    """Somebody gives it another one while it is removed."""
    ip_batch(host, ["address add 10.1.1.20/32 dev eth0", "address add fd00::20/128 dev eth0 nodad"])

    def widen(address: str, longest: int) -> Callable[[], None]:
        lines = [f"address del {address}/{longest} dev eth0", f"address add {address}/{longest - 1} dev eth0"]
        return lambda: ip_batch(host, lines)

    once = Meddled(addresses._requests._socket, 1, widen("10.1.1.20", 32))
    addresses._requests._socket = once  # type: ignore[assignment]
    with pytest.raises(AddressError, match=f"cannot remove 10.1.1.20/32 from eth0: {ABSENT}"):
        addresses.remove(parse_vip("10.1.1.20"))
    once = Meddled(addresses6._requests._socket, 1, widen("fd00::20", 128))
    addresses6._requests._socket = once  # type: ignore[assignment]
    with pytest.raises(Address6Error, match=f"from eth0: {ABSENT}"):
        addresses6.remove(parse_ipv6addr(("fd00::20",)))


def test_an_address_whose_interface_goes_meanwhile_has_gone(host: NetworkNamespace, addresses: Addresses) -> None:
    ip_batch(host, [f"address add 10.5.0.{last}/24 dev eth1" for last in (1, 2)])
    once = Meddled(addresses._requests._socket, 1, lambda: ip_batch(host, ["link del eth1"]))
    addresses._requests._socket = once  # type: ignore[assignment]
    (name,) = addresses.remove(parse_vip("10.5.0.1"))
    assert name.startswith("interface ")


def test_an_ipv6_address_whose_interface_goes_meanwhile_has_gone(
    host: NetworkNamespace, addresses6: Addresses6
) -> None:
    ip_batch(host, ["address add fd05::1/64 dev eth1 nodad"])
    once = Meddled(addresses6._requests._socket, 1, lambda: ip_batch(host, ["link del eth1"]))
    addresses6._requests._socket = once  # type: ignore[assignment]
    (name,) = addresses6.remove(parse_ipv6addr(("fd05::1",)))
    assert name.startswith("interface ")
