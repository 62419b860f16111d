"""Plays one vector case in a guest: the real daemon, the real kernel, judged by ipvsadm.

    python -m tests.kernel.play_case CASE_DIRECTORY

Network as in tests/vectors/ldirectord/README.md: this namespace is the director, the back ends live in another one
behind a veth pair. A stage is over when the expected table was reached and then stayed for a while, and all else that
expected.py asks for is there too; what is not there within the stage's `wait` plus its quiet time is the failure.
Where the stage expects no change, the table is watched for the whole `wait`. Prints a line per stage; exit status 0
only if all are as expected.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.kernel.expected import Expected, found
from tests.ldirector.core.vector_differences import TABLE

HA_DIR = Path("/etc/ha.d")
LAB = Path("/run/lab")
QUIET = 6.0  # seconds that the recording waited for an unchanged table
STAYS = 2.0  # seconds that a table has to stay here
POLL = 0.25
LDIRECTORD = str(Path(sys.executable).with_name("ldirectord"))
DIRECTOR_ADDRESSES = ("10.1.1.2/24", "10.1.1.10/32", "fd00:1::10/128")


def shell(line: str) -> None:
    subprocess.run(line, shell=True, check=True)


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
        Path("/run/ipvsadm.real").symlink_to(str(shutil.which("ipvsadm")))  # what the stages call it by
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
        program = [sys.executable, "-m", "tests.kernel.backends", "back", json.dumps(backends)]
        self._servers = subprocess.Popen(
            ["ip", "netns", "exec", "servers", *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._tell({name: one.get("state", "up") for name, one in backends.items()})

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
        for line in stage.get("run", []):
            subprocess.run(line, shell=True, check=False, stdout=subprocess.DEVNULL)
        remarks = [self._run_verb(name, stage["do"])] if "do" in stage else []
        remarks.append(self._watch(name, stage.get("wait", 0), stage.get("exact", False)))
        wrong = [remark for remark in remarks if remark.startswith("WRONG")]
        self._errors += len(wrong)
        print(f"{self._folder.name} {name}: {'; '.join(remarks)}", flush=True)

    def _run_verb(self, stage: str, verb: str) -> str:
        done = subprocess.run([LDIRECTORD, "ldirectord.cf", verb], check=False, capture_output=True, text=True)
        expected = self._expected.exit_code(stage)
        if done.returncode != expected:
            return f"WRONG exit code of {verb}: {done.returncode} instead of {expected}; it said: {done.stderr}"
        return f"{verb} exit {expected}"

    def _watch(self, stage: str, wait: float, exact: bool) -> str:
        sections = self._expected.sections(stage)
        started = time.monotonic()
        limit = wait if exact else wait + QUIET
        stays = wait if sections[TABLE] == self._before else min(wait, STAYS)
        self._before = sections[TABLE]
        since: float | None = None
        while True:
            now, table = time.monotonic() - started, found(TABLE)
            if table != sections[TABLE]:
                since = None
                wrong = _difference(TABLE, table, sections[TABLE])
            elif since is None:
                since = now
            if since is not None and now - since >= stays:
                wrong = _first_difference(sections)
                if not wrong:
                    return f"table after {since:.1f} s"
            if now > limit + (stays if since is not None else 0):
                return wrong
            time.sleep(POLL)


def _first_difference(sections: dict[str, list[str]]) -> str:
    """The first section that is not as expected, in words."""
    for section, expected in sections.items():
        if (lines := found(section)) != expected:
            return _difference(section, lines, expected)
    return ""


def _difference(section: str, lines: list[str], expected: list[str]) -> str:
    return "\n    ".join([f"WRONG {section}:", *lines, "expected:", *expected])


if __name__ == "__main__":
    sys.exit(Case(Path(sys.argv[1])).play())
