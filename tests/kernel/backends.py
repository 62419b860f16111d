"""The servers of a vector case: one process in a network namespace of its own, told by lines on standard input.

Each line is a JSON object {"NAME": "STATE", ...} for some back ends; each is answered with the line "ok" when all
listen, or do not, as told. Kinds and states are those of tests/vectors/ldirectord/README.md; addresses come and go
with the states that need it (blackhole: the address is gone).

    python backends.py DEVICE BACKENDS_AS_JSON
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from typing import Any


class Backend:
    """One server: ip, port, kind, pages or banner as in case.yaml."""

    def __init__(self, device: str, settings: dict[str, Any]) -> None:
        self.ip: str = settings["ip"]
        self._device = device
        self._settings = settings
        self._state = ""
        self._server: asyncio.Server | None = None

    async def become(self, state: str) -> None:
        self._state = state
        if self._server:
            self._server.close()
            self._server = None
        bits = "128" if ":" in self.ip else "32"
        if state == "blackhole":
            _ip("addr", "del", f"{self.ip}/{bits}", "dev", self._device)
            return
        nodad = ["nodad"] if ":" in self.ip else []
        _ip("addr", "replace", f"{self.ip}/{bits}", "dev", self._device, *nodad)
        if state != "refuse":
            self._server = await asyncio.start_server(self._serve, self.ip, self._settings["port"])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if self._state == "hang":
                await reader.read(1)
                await asyncio.sleep(3600)
            elif self._settings["kind"] == "http":
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                writer.write(self._page(request.split()[1]))
                await writer.drain()
            else:
                writer.write(self._settings.get("banner", "").encode())
                await reader.read()
        writer.close()

    def _page(self, path: str) -> bytes:
        status, body = "200 OK", self._settings.get("pages", {}).get(path)
        if body is None:
            status, body = "404 Not Found", "no such page\n"
        if self._state == "wrong":
            body = "something else\n"
        elif self._state.startswith("status:"):
            status = f"{self._state.removeprefix('status:')} As Told"
        return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


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
