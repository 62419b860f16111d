"""Types commands on the nodes of a pair as somebody who is logged in there does, with the machine's own network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.interop.mixed import MixedPair

ROOT = Path(__file__).parents[2]
PARTS = ("hbeat", "ldirector", "migration", "etc", "initscripts", "man", "setup")
FILES = ("Makefile", "pyproject.toml", "setup.cfg", "README", "LICENSE", "CHANGELOG")
FETCHING = ("make", "apt-get")
"""Programs that get what they need over a network which the cluster's cables are not part of."""


class Administrator:
    """source: where to unpack this tree; `make` is typed there. He says yes to whatever apt-get asks."""

    def __init__(self, pair: MixedPair, source: Path) -> None:
        self._pair = pair
        self._source = source
        source.mkdir()
        for part in PARTS:
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy2(ROOT / file, source)
        python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            "PYTHON": str(python),
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        }
        for name in pair.nodes:
            self.types(name, "echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/91yes")

    def types(self, name: str, line: str, within: float = 180.0) -> str:
        """What it printed; an exit status other than 0 is a failure."""
        pid = self._pair.nodes[name].pid
        network = [] if line.startswith(FETCHING) else ["--net"]
        enter = ["nsenter", f"--target={pid}", "--mount", "--uts", "--pid", *network, "--"]
        done = subprocess.run(
            [*enter, "sh", "-c", f"cd {self._source} && {line}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within,
            env=self._environment,
        )
        assert done.returncode == 0, f"{name}# {line}\n{done.stdout}"
        return done.stdout
