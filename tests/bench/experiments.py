"""What is measured; each experiment is one program at one task, and gives a flat record of numbers."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ldirector.adapters.control_client import ask
from tests.bench.measure import cost_of
from tests.bench.peers import Peer, Task
from tests.bench.tables import Onlooker
from tests.bench.targets import PAGE, STEADY, VICTIM, Targets, address

Record = dict[str, Any]
BEGIN, END = "measure: begin\n", "measure: end\n"
"""Said around the time in which processor time counts, for who can see more of it than we do (places.py)."""


class Bench:
    """One place with its targets."""

    def __init__(self, folder: Path, has_ipvs: bool) -> None:
        self._folder, self._has_ipvs = folder, has_ipvs
        self.targets = Targets(folder / "targets")

    @contextmanager
    def _at_work(self, name: str, task: Task) -> Iterator[tuple[Peer, Onlooker, float]]:
        """The peer, who watches its table, and when it was started."""
        peer = Peer(name, task, self._folder / "peer", self._has_ipvs)
        onlooker = Onlooker(peer, self._has_ipvs)
        began = time.monotonic()
        peer.start()
        try:
            yield peer, onlooker, began
        finally:
            peer.stop()

    def load(self, name: str, count: int, seconds: float, patience: float, adopted: bool = False) -> Record:
        """Healthy targets only. patience: seconds that all may take to come up before the measuring begins anyway.

        The name "bare" is nobody: the same connections, made one after another by blocking calls and never judged.
        """
        if name == "bare":
            return self._bare(count, seconds)
        with self._at_work(name, Task(count, adopted=adopted)) as (peer, onlooker, began):
            onlooker.follow(lambda: onlooker.count(1) == count, patience)
            all_up = time.monotonic() - began if onlooker.count(1) == count else None
            time.sleep(2.0)
            onlooker.look()
            downs, asked, cost, start = (
                onlooker.downs,
                self.targets.steady.answered(),
                cost_of(peer.pids()),
                time.time(),
            )
            sys.stdout.write(BEGIN)
            sys.stdout.flush()
            time.sleep(seconds)
            sys.stdout.write(END)
            sys.stdout.flush()
            spent, took = cost_of(peer.pids()) - cost, time.time() - start
            checks = self.targets.steady.answered() - asked - 1
            onlooker.look()
        return {
            "all_up": all_up,
            "checks": checks,
            "wanted": count * took / 5,
            "cpu": spent.cpu,
            "cpu_share": spent.cpu / took,
            "cpu_per_check": spent.cpu / checks if checks else None,
            "wait": spent.wait,
            "rss": spent.rss,
            "false_failures": onlooker.downs - downs,
        }

    def _bare(self, count: int, seconds: float) -> Record:
        """As many checks as are due, evenly spread."""
        due = int(count * seconds / 5)
        sys.stdout.write(BEGIN)
        sys.stdout.flush()
        began = time.monotonic()
        for index in range(due):
            time.sleep(max(0.0, began + index * 5 / count - time.monotonic()))
            with socket.create_connection((address(index % count), STEADY)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: bare\r\nConnection: close\r\n\r\n")
                connection.recv(4096)
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        sys.stdout.write(END)
        sys.stdout.flush()
        return {"checks": due, "wanted": due}

    def ejection(self, name: str, fault: str, count: int, victims: int, sentinel: bool = False) -> Record:
        """Victims fail at one instant: seconds until each has weight 0 and, healed, weight 1 again."""
        task = Task(count, victims, sentinel=sentinel)
        concerned = [f"{real}:{port}" for real, port in task.reals() if port == VICTIM]
        with self._at_work(name, task) as (_, onlooker, _):
            onlooker.follow(lambda: onlooker.count(1) == count, 60 + count / 10)
            if onlooker.count(1) != count:
                return {"error": f"only {onlooker.count(1)} of {count} came up"}
            time.sleep(6.0 + time.time() % 1)  # every phase of the interval has had its turn
            onlooker.look()
            downs = onlooker.downs
            down = self._until(onlooker, concerned, 0, lambda: self._break(fault, concerned))
            others = onlooker.downs - downs - len(down)
            time.sleep(1.0)
            up = self._until(onlooker, concerned, 1, lambda: self._heal(fault))
        return {"down": down, "up": up, "victims": victims, "false_failures": others}

    def _until(self, onlooker: Onlooker, concerned: list[str], weight: int, act: Any) -> list[float]:
        began = time.monotonic()
        act()
        seen = onlooker.follow(lambda: all(onlooker.weights.get(real) == weight for real in concerned), 150)
        return sorted(seen[real] - began for real in concerned if onlooker.weights.get(real) == weight and real in seen)

    def _break(self, fault: str, concerned: list[str]) -> None:
        match fault:
            case "reset":
                self.targets.victims.kill()
            case "wrong content":
                self.targets.victims.say("something else")
            case "blackhole":
                self.targets.silence([real.removesuffix(f":{VICTIM}") for real in concerned])

    def _heal(self, fault: str) -> None:
        match fault:
            case "reset":
                self.targets.victims.start()
            case "wrong content":
                self.targets.victims.say(PAGE)
            case "blackhole":
                self.targets.silence([])

    def programming(self, name: str, count: int) -> Record:
        """From the start of the program, without checks, to the whole table."""
        with self._at_work(name, Task(count, checked=False)) as (_, onlooker, began):
            onlooker.follow(lambda: onlooker.count(1) == count, 300)
            took = time.monotonic() - began
        return {"seconds": took if onlooker.count(1) == count else None}

    def takeover(self, count: int) -> Record:
        """Ours on standby becomes active: from the request to its answer, when the table must be there."""
        with self._at_work("ours", Task(count, checked=False, standby=True)) as (peer, onlooker, _):
            began = time.monotonic()
            answer = ask(peer.socket, "role active", 60)
            took = time.monotonic() - began
            onlooker.look()
        return {"name": "ours", "seconds": took, "answer": answer, "written": onlooker.count(1)}
