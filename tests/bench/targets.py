"""The servers that are checked: any number of addresses, answered by nginx.

All addresses of 10.200.0.0/16 are local here (AnyIP), and one wildcard socket answers for them all, so a target costs
nothing while it is not asked. Ports decide who dies: the steady targets are at STEADY, the victims at VICTIM, each
port with an nginx of its own. So a death is a kernel's RST for existing and new connections, as on a machine whose
server process was killed. A blackholed address is routed into a veth pair whose other end is not concerned: packets
vanish without a word, which needs no packet filter (the guest has none).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

STEADY, VICTIM = 80, 81
PREFIX = "10.200"
PAGE = "all ok"

CONFIG = """
daemon on; pid {folder}/pid; error_log {folder}/error; worker_processes 1; worker_rlimit_nofile 40000;
events {{ worker_connections 30000; }}
http {{
  access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; keepalive_timeout 60;
  server {{ listen {port} backlog=8192; location / {{ root {folder}/www; }} location = /count {{ stub_status; }} }}
}}
"""
NETWORK = f"""
link add v0 type veth peer name v1
link set v0 arp off up
link set v1 up
addr add 10.199.0.1/32 dev lo
route replace local {PREFIX}.0.0/16 dev lo
"""


def address(index: int) -> str:
    """The address of a target."""
    return f"{PREFIX}.{index // 250}.{index % 250 + 1}"


class Server:
    """One nginx for one port of all addresses."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder / str(port), port
        (self._folder / "www").mkdir(parents=True)
        self.say(PAGE)
        (self._folder / "conf").write_text(CONFIG.format(folder=self._folder, port=port))

    def start(self) -> None:
        subprocess.run(["nginx", "-c", str(self._folder / "conf")], check=True)

    def kill(self) -> None:
        """As a crash: every connection is closed by the kernel, new ones are refused."""
        master = int((self._folder / "pid").read_text())
        workers = [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
        for pid in [master, *workers]:
            os.kill(pid, signal.SIGKILL)
        while any(Path(f"/proc/{pid}/fd").exists() and os.path.exists(f"/proc/{pid}/exe") for pid in workers):
            time.sleep(0.001)

    def say(self, words: str) -> None:
        """What the page holds from now on."""
        page = self._folder / "www" / "index.html"
        page.with_suffix(".new").write_text(words + "\n")
        page.with_suffix(".new").rename(page)

    def answered(self) -> int:
        """Connections so far, this question included; counted by nginx, so nobody's own word is needed."""
        with urllib.request.urlopen(f"http://{PREFIX}.255.1:{self._port}/count", timeout=30) as answer:
            return int(answer.read().decode().splitlines()[2].split()[0])


class Targets:
    """Both servers and the packet filter; made once in a place (see place.py)."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._silent: list[str] = []
        _ip(NETWORK)
        self.steady, self.victims = Server(folder, STEADY), Server(folder, VICTIM)
        self.steady.start()
        self.victims.start()

    def silence(self, addresses: list[str]) -> None:
        """Packets to these addresses vanish from now on, those to all others no longer do."""
        gone = "".join(f"route del {name}/32 dev v0 table local\n" for name in self._silent)
        new = "".join(f"route add {name}/32 dev v0 src 10.199.0.1 scope link table local\n" for name in addresses)
        _ip(gone + new)
        self._silent = addresses

    def stop(self) -> None:
        self.steady.kill()
        self.victims.kill()


def _ip(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)
