"""ldirectord on a /run that is full, or as good as: a tiny tmpfs in a mount namespace of its own.

How many pages or inodes are left is counted down, so that each file of a start is once the one without room. The
kernel's table is not opened: the host need not have ip_vs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.pair import have_namespaces

SCRIPT = """
import os
import sys
from pathlib import Path
from ldirector import cli, service
from ldirector.core.model import Role
from ldirector.instance import Instance

class Kernel:
    def read(self):
        return {}
    def apply(self, operations):
        return []

service.Ipvs = Kernel
run, config = Path(sys.argv[1]), Path(sys.argv[2])
instance = Instance(config, "ldirectord.cf", run)
child = os.fork()  # the command: it lets go of the lock when it ends
if child == 0:
    os._exit(service.start(instance, Role.ACTIVE))
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print("status", status)
if status == 0:
    print("pid", instance.pid_file.read_text().strip() == instance.lock_file.read_text().strip() != "")
    print("stop", cli.main([str(config), "stop"], run))
print("left", *sorted(f"{path.name}={len(path.read_bytes())}" for path in run.iterdir() if path.name != "filler"))
"""


def start_on(tmp_path: Path, options: str, pages: int = 0) -> tuple[str, dict[str, str]]:
    """What a start on such a tmpfs says, and how it ends; pages: so many of them are taken beforehand."""
    run, config = tmp_path / "run", tmp_path / "ldirectord.cf"
    run.mkdir()
    config.write_text(f'logfile="{tmp_path}/log"\nvirtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\tchecktype=off\n')
    fill = f"head -c {pages * 4096} /dev/zero >{run}/filler" if pages else "true"
    words = f'mount -t tmpfs -o {options} full {run} && {fill} && exec "$0" "$@"'
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", words, sys.executable, "-c", SCRIPT, str(run), str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stderr, dict(line.partition(" ")[::2] for line in ended.stdout.splitlines())


def assert_refused(said: str, ended: dict[str, str], folder: Path) -> None:
    """The file, the reason and what helps are named, and nothing is left that looks like a daemon."""
    run = folder / "run"
    assert said.startswith(f"ldirectord: cannot write {run}/ldirectord.")
    assert said.endswith(f": No space left on device; make room there: df {run}; df -i {run}\n")
    assert ended["status"] == "1"
    assert ended["left"] in ("", "ldirectord.ldirectord.cf.lock=0")


@pytest.fixture(autouse=True)
def namespaces() -> None:
    if missing := have_namespaces():
        pytest.skip(missing)


@pytest.mark.parametrize("free", range(4))
def test_start_without_a_free_page_says_which_file_has_no_room(free: int, tmp_path: Path) -> None:
    said, ended = start_on(tmp_path, "size=32k,nr_inodes=100", pages=8 - free)
    if free < 2:  # the lock has one, the pid file another
        assert_refused(said, ended, tmp_path)
    else:
        assert (ended["status"], ended["pid"], ended["stop"]) == ("0", "True", "0")
        assert ended["left"] == "ldirectord.ldirectord.cf.lock=0"


@pytest.mark.parametrize("files", range(5))
def test_start_without_a_free_inode_says_which_file_has_no_room(files: int, tmp_path: Path) -> None:
    said, ended = start_on(tmp_path, f"size=1m,nr_inodes={1 + files}")
    if files < 4:  # lock, pid file, socket, and the other name of the pid file
        assert_refused(said, ended, tmp_path)
    else:
        assert (ended["status"], ended["pid"], ended["stop"]) == ("0", "True", "0")
        assert ended["left"] == "ldirectord.ldirectord.cf.lock=0"


def test_start_on_a_folder_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    said, ended = start_on(tmp_path, "size=1m,ro")
    run = tmp_path / "run"
    words = f"{run}/ldirectord.ldirectord.cf.lock: Read-only file system; mount {run} so that it can be written to"
    assert said == f"ldirectord: cannot write {words}\n"
    assert (ended["status"], ended["left"]) == ("1", "")
