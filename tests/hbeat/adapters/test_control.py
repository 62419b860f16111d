from __future__ import annotations

import json
import resource
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat.adapters.control import CROWDED_SECONDS, IDLE_SECONDS, LINE_LIMIT, MAX_CLIENTS, ControlServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlServer]:
    made = ControlServer(tmp_path / "run" / "control")
    yield made
    made.close()


def connect(server: ControlServer) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(2)
    sock.connect(str(server._path))
    assert list(server.requests(0.0)) == []
    return sock


def test_request_in_pieces_is_answered_with_one_line(server: ControlServer) -> None:
    with connect(server) as sock:
        sock.sendall(b"stand")
        assert list(server.requests(1.0)) == []
        sock.sendall(b"by all\n")
        ((client, words),) = server.requests(1.0)
        assert words == ["standby", "all"]
        server.answer(client, {"ok": True})
        assert json.loads(sock.recv(100)) == {"ok": True}


@pytest.mark.parametrize("sent", [b"x" * (LINE_LIMIT + 100), b"status\nstatus\n"], ids=["endless", "two at once"])
def test_client_that_does_not_keep_to_the_form_is_dropped(server: ControlServer, sent: bytes) -> None:
    with connect(server) as sock:
        sock.sendall(sent)
        assert list(server.requests(1.0)) + list(server.requests(1.0)) == []
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:  # the kernel says so when something was left unread
            assert len(sent) > LINE_LIMIT


def test_silent_client_is_closed(server: ControlServer) -> None:
    with connect(server) as sock:
        server.handle_timer(IDLE_SECONDS - 0.1)
        assert server.next_deadline() == IDLE_SECONDS
        server.handle_timer(IDLE_SECONDS)
        assert server.next_deadline() is None
        assert sock.recv(1) == b""


def test_without_a_descriptor_who_waits_does_not_wake_the_loop_again_and_again(server: ControlServer) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(str(server._path))
        sock.sendall(b"status\n")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            assert list(server.requests(1.0)) == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert select.select([server], [], [], 0)[0] == []
        assert server.next_deadline() == 1.0 + CROWDED_SECONDS
        server.handle_timer(1.0 + CROWDED_SECONDS)
        assert list(server.requests(1.6)) == []  # it is let in
        assert [words for _, words in server.requests(1.6)] == [["status"]]


def test_in_a_crowd_the_silent_make_room_for_those_who_wait(server: ControlServer) -> None:
    socks = [connect(server) for _ in range(MAX_CLIENTS + 1)]
    socks[-1].sendall(b"status\n")
    assert list(server.requests(0.1)) == []
    assert server.next_deadline() == CROWDED_SECONDS
    server.handle_timer(CROWDED_SECONDS)
    assert list(server.requests(0.6)) == []  # it is let in
    assert [words for _, words in server.requests(0.6)] == [["status"]]
    for sock in socks:
        sock.close()


def test_socket_is_not_open_to_everybody(server: ControlServer) -> None:
    assert server._path.stat().st_mode & 0o007 == 0
