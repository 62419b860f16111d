"""Our own shortages, provoked in a running daemon: no server pays for them, one line says so, and all is well after.

Netlink overruns are provoked on the real kernel, in tests/kernel/inside/test_ipvs.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ldirector.core.shortage import MAX_STRETCH, QUIET, RECOVERY
from tests.ldirector.checks.servers import answer, saying, serving
from tests.ldirector.test_daemon import Running, running

ALARM = "no server is taken down and checks slow down until this machine has caught its breath"
ALL_CLEAR = "All checks are being made again"


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    """The process cannot open anything."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/dev/null", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def is_over(it: Running) -> None:
    """The daemon says that all is well, and the server has its weight."""
    recovered = QUIET + RECOVERY * math.log2(MAX_STRETCH)  # at the latest
    await it.until(lambda: ALL_CLEAR in it.log.read_text(), recovered + 10)
    assert it.up in it.kernel.lines()


def test_without_descriptors_no_server_is_taken_down(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            edits = it.kernel.model.table()
            with no_descriptor_left():
                await asyncio.sleep(3.5)  # several intervals of 1 s
                assert it.kernel.model.table() == edits
            await is_over(it)
            said = it.log.read_text()
            assert "Quiescent real server" not in said

    asyncio.run(run())


def test_stall_of_the_loop_takes_no_server_down_and_is_one_alarm(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            for _ in range(4):
                time.sleep(1.5)  # longer than checktimeout: every check in flight runs into its deadline
                for _ in range(20):
                    await asyncio.sleep(0)
            await it.until(lambda: it.up in it.kernel.lines())
            said = it.log.read_text()
            assert "Quiescent real server" not in said
            assert said.count(ALARM) <= 1

    asyncio.run(run())


def test_server_that_really_died_is_taken_down_when_the_shortage_is_over(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(saying(answer())) as server, running(tmp_path, server.port) as it:
            await it.until(lambda: it.up in it.kernel.lines())
            with no_descriptor_left():
                await asyncio.sleep(2.5)
            it.config.write_text(it.config.read_text().replace('"ok"', '"other"'))
            assert await it.ask("reload") == {"ok": True}
            await it.until(lambda: it.down in it.kernel.lines())

    asyncio.run(run())


SERVER = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok" + b"x" * 200_000)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True)
server.serve_forever()
"""

STARVED = """
import asyncio, logging, resource, sys
from pathlib import Path
from tests.ldirector.test_daemon import running

logging.disable()  # asyncio would tell of each refused buffer

async def main():
    async with running(Path(sys.argv[1]), int(sys.argv[2])) as it:
        await it.until(lambda: it.up in it.kernel.lines())
        now = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
        hoard = []
        resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 16), resource.RLIM_INFINITY))
        try:
            while True:
                hoard.append(bytearray(1 << 14))
        except MemoryError:
            pass
        for _ in range(35):
            await asyncio.sleep(0.1)
            assert it.down not in it.kernel.lines(), "a server was taken down for want of our memory"
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        hoard.clear()
        await it.until(lambda: "All checks are being made again" in it.log.read_text())
        assert it.up in it.kernel.lines()
        print("out of memory" in it.log.read_text())

asyncio.run(main())
"""


def test_out_of_memory_no_server_is_taken_down(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            port = server.stdout.readline().strip()
            done = subprocess.run(
                [sys.executable, "-c", STARVED, str(tmp_path), port],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                cwd=root,
                env={**os.environ, "PYTHONPATH": str(root)},
            )
        finally:
            server.kill()
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr[-2000:]
