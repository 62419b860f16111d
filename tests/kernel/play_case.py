"""Plays one vector case in a guest: the real daemon, the real kernel, judged by ipvsadm.

    python -m tests.kernel.play_case CASE_DIRECTORY

Network as in tests/vectors/ldirectord/README.md: this namespace is the director, the back ends live in another one
behind a veth pair. A stage is over
when the expected table was reached and then stayed for a while; a table that is not there within the stage's `wait`
plus its quiet time is the failure. Where the stage expects no change, the table is watched for the whole `wait`.
The environment's DIFFERENCES holds, as JSON, where our table is to differ from the recorded one: stage -> [recorded
lines that go, lines that come]. Prints a line per stage; exit status 0 only if all are as expected.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

HA_DIR = Path("/etc/ha.d")
LAB = Path("/run/lab")
QUIET = 6.0  # seconds that the recording waited for an unchanged table
STAYS = 2.0  # seconds that a table has to stay here
POLL = 0.25
LDIRECTORD = str(Path(sys.executable).with_name("ldirectord"))
BACKENDS = Path(__file__).with_name("backends.py")
DIRECTOR_ADDRESSES = ("10.1.1.2/24", "10.1.1.10/32", "fd00:1::10/128")


def shell(line: str) -> None:
    subprocess.run(line, shell=True, check=True)


def table() -> list[str]:
    """ipvsadm -Sn in the order of the vectors: virtuals by protocol flag and address, reals as text."""
    output = subprocess.run(["ipvsadm", "-Sn"], capture_output=True, text=True, check=True).stdout
    blocks: dict[str, list[str]] = {}
    for line in sorted(line.rstrip() for line in output.splitlines()):
        words = line.split()
        place = " ".join(words[1:4] if "-6" in words[:5] else words[1:3])
        blocks.setdefault(place, []).append(line)
    return [line for place in sorted(blocks) for line in blocks[place]]


class Expected:
    """expected.txt: per stage the exit code, if a verb ran, and the table."""

    def __init__(self, case: Path) -> None:
        self.codes: dict[str, int] = {}
        self.tables: dict[str, list[str]] = {}
        stage, section = "", ""
        for line in (case / "expected.txt").read_text().splitlines():
            if line.startswith("### stage: "):
                stage = line.removeprefix("### stage: ")
                self.tables[stage] = []
            elif line.startswith("# exit code"):
                self.codes[stage] = int(line.rpartition(" ")[2])
            elif line.startswith("# "):
                section = line
            elif section == "# ipvsadm -Sn" and line and line != "(empty)":
                self.tables[stage].append(line)
        for stage, (theirs, ours) in json.loads(os.environ.get("DIFFERENCES", "{}")).items():
            assert set(theirs) <= set(self.tables[stage]), f"accepted difference is not recorded: {theirs}"
            self.tables[stage] = [line for line in self.tables[stage] if line not in theirs] + ours


class Case:
    """A case being played."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan: dict[str, Any] = yaml.safe_load((folder / "case.yaml").read_text())
        self._expected = Expected(folder)
        self._before: list[str] | None = None
        self._errors = 0

    def play(self) -> int:
        self._build()
        for stage in self._plan["stages"]:
            self._play_stage(stage)
        self._servers.terminate()
        return 1 if self._errors else 0

    def _build(self) -> None:
        LAB.mkdir(parents=True)
        HA_DIR.mkdir(exist_ok=True)
        shell("modprobe ipv6")
        shell("ip netns add servers && ip link add front type veth peer name back netns servers")
        shell("ip addr add 192.168.2.241/24 dev front && ip -6 addr add fd00:2::1/64 dev front nodad")
        shell("ip link set front up && ip -n servers link set back up && ip -n servers link set lo up")
        for address in (*DIRECTOR_ADDRESSES, *self._plan.get("director_addrs", [])):
            shell(f"ip addr add {address} dev lo")
        # An address that always stays, else the routes would go with the last back end.
        shell("ip -n servers addr add 192.168.2.254/24 dev back")
        shell("ip -n servers addr add fd00:2::fe/64 dev back nodad")
        for name, file in self._plan.get("files", {}).items():
            (HA_DIR / name).write_text(file["content"])
            (HA_DIR / name).chmod(int(file["mode"], 8))
        self._install("ldirectord.cf")
        for line in self._plan.get("preload", []):
            shell(f"ipvsadm {line}")
        backends = self._plan.get("backends", {})
        self._servers = subprocess.Popen(
            ["ip", "netns", "exec", "servers", sys.executable, str(BACKENDS), "back", json.dumps(backends)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell({name: one["state"] for name, one in backends.items()})

    def _tell(self, states: dict[str, str]) -> None:
        assert self._servers.stdin
        assert self._servers.stdout
        self._servers.stdin.write(json.dumps(states) + "\n")
        self._servers.stdin.flush()
        assert self._servers.stdout.readline() == "ok\n"

    def _install(self, name: str) -> None:
        """Atomically, with a new time stamp."""
        fresh = HA_DIR / ".new"
        fresh.write_bytes((self._folder / name).read_bytes())
        os.replace(fresh, HA_DIR / "ldirectord.cf")

    def _play_stage(self, stage: dict[str, Any]) -> None:
        name = stage["name"]
        if "backends" in stage:
            self._tell(stage["backends"])
        if "config" in stage:
            self._install(stage["config"])
        for path in stage.get("touch", []):
            Path(path).touch()
        for path in stage.get("remove", []):
            Path(path).unlink()
        remarks = [self._run_verb(name, stage["do"])] if "do" in stage else []
        for line in stage.get("run", []):
            subprocess.run(line, shell=True, check=False, stdout=subprocess.DEVNULL)
        remarks.append(self._watch(name, stage.get("wait", 0), stage.get("exact", False)))
        self._before = self._expected.tables[name]
        wrong = [remark for remark in remarks if remark.startswith("WRONG")]
        self._errors += len(wrong)
        print(f"{self._folder.name} {name}: {'; '.join(remarks)}", flush=True)

    def _run_verb(self, stage: str, verb: str) -> str:
        done = subprocess.run([LDIRECTORD, "ldirectord.cf", verb], check=False, capture_output=True, text=True)
        expected = self._expected.codes[stage]
        if done.returncode != expected:
            return f"WRONG exit code of {verb}: {done.returncode} instead of {expected}; it said: {done.stderr}"
        return f"{verb} exit {expected}"

    def _watch(self, stage: str, wait: float, exact: bool) -> str:
        expected = self._expected.tables[stage]
        started = time.monotonic()
        limit = wait if exact else wait + QUIET
        stays = wait if expected == self._before else min(wait, STAYS)
        since: float | None = None
        while True:
            now, found = time.monotonic() - started, table()
            if sorted(found) != sorted(expected):
                since = None
            elif since is None:
                since = now
            if since is not None and now - since >= stays:
                return f"table after {since:.1f} s"
            if now > limit + (stays if since is not None else 0):
                return "WRONG table:\n    " + "\n    ".join(found) + "\n  expected:\n    " + "\n    ".join(expected)
            time.sleep(POLL)


if __name__ == "__main__":
    sys.exit(Case(Path(sys.argv[1])).play())
