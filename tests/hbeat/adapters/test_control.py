from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat.adapters.control import IDLE_SECONDS, LINE_LIMIT, MAX_CLIENTS, ControlServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlServer]:
    made = ControlServer(tmp_path / "run" / "control")
    yield made
    made.close()


def connect(server: ControlServer) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(2)
    sock.connect(str(server._path))
    server.readable(server.filenos[0], 0.0)
    return sock


def test_request_in_pieces_is_answered_with_one_line(server: ControlServer) -> None:
    with connect(server) as sock:
        fileno = server.filenos[-1]
        sock.sendall(b"stand")
        assert server.readable(fileno, 1.0) is None
        sock.sendall(b"by all\n")
        found = server.readable(fileno, 1.0)
        assert found is not None
        client, words = found
        assert words == ["standby", "all"]
        server.answer(client, {"ok": True})
        assert json.loads(sock.recv(100)) == {"ok": True}


def test_line_without_end_is_dropped(server: ControlServer) -> None:
    with connect(server) as sock:
        sock.sendall(b"x" * (LINE_LIMIT + 100))
        fileno = server.filenos[-1]
        server.readable(fileno, 1.0)
        server.readable(fileno, 1.0)
        assert len(server.filenos) == 1


def test_silent_client_is_closed(server: ControlServer) -> None:
    with connect(server):
        server.handle_timer(IDLE_SECONDS - 0.1)
        assert len(server.filenos) == 2
        server.handle_timer(IDLE_SECONDS)
        assert len(server.filenos) == 1
        assert server.next_deadline() is None


def test_number_of_clients_is_bounded(server: ControlServer) -> None:
    socks = [connect(server) for _ in range(MAX_CLIENTS + 3)]
    assert len(server.filenos) == 1 + MAX_CLIENTS
    for sock in socks:
        sock.close()


def test_socket_is_not_open_to_everybody(server: ControlServer) -> None:
    assert server._path.stat().st_mode & 0o007 == 0
