"""The servers of a vector case: one process in a network namespace of its own, told by lines on standard input.

Each line is a JSON object {"NAME": "STATE", ...} for some back ends; each is answered with the line "ok" when all
listen, or do not, as told. States are those of tests/vectors/ldirectord/README.md; addresses come and go with the
states that need it (blackhole: the address is gone). What a server of each kind says is in conversations.py.

    python -m tests.kernel.backends DEVICE BACKENDS_AS_JSON
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.kernel import conversations


class Backend:
    """One server: ip, port, kind and what its kind needs, as in case.yaml."""

    def __init__(self, device: str, settings: dict[str, Any]) -> None:
        self.ip: str = settings["ip"]
        self._device = device
        self._settings = settings
        self._ends: list[Callable[[], None]] = []

    async def become(self, state: str) -> None:
        for end in self._ends:
            end()
        self._ends.clear()
        bits = "128" if ":" in self.ip else "32"
        if state == "blackhole":
            _ip("addr", "del", f"{self.ip}/{bits}", "dev", self._device)
            return
        nodad = ["nodad"] if ":" in self.ip else []
        _ip("addr", "replace", f"{self.ip}/{bits}", "dev", self._device, *nodad)
        if state != "refuse":
            await self._listen(state)

    async def _listen(self, state: str) -> None:
        kind, place = self._settings["kind"], (self.ip, self._settings["port"])
        if answer := conversations.DATAGRAMS.get(kind):
            self._ends.append(_serve_datagrams(place, lambda data: answer(data, self._settings, state)))
        if converse := conversations.STREAMS.get(kind):

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    if state == "hang":
                        while await reader.read(4096):
                            pass
                    else:
                        await converse(reader, writer, self._settings, state)
                writer.close()

            tls = conversations.self_signed() if self._settings.get("tls") else None
            server = await asyncio.start_server(serve, *place, ssl=tls)
            self._ends.append(server.close)


def _serve_datagrams(place: tuple[str, int], answer: conversations.Answer) -> Callable[[], None]:
    """Answer each datagram that comes here, or not when the answer is empty; returns what ends it."""
    sock = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(place)
    loop = asyncio.get_running_loop()

    def readable() -> None:
        data, sender = sock.recvfrom(65536)
        if words := answer(data):
            sock.sendto(words, sender)

    def end() -> None:
        loop.remove_reader(sock)
        sock.close()

    loop.add_reader(sock, readable)
    return end


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=False, stderr=subprocess.DEVNULL)  # "del" of an address that is gone already


async def main(device: str, settings: dict[str, Any]) -> None:
    backends = {name: Backend(device, one) for name, one in settings.items()}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        for name, state in json.loads(line).items():
            await backends[name].become(state)
        print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
