"""The verbs against a daemon that is not running, and one that answers on a control socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ldirector import cli, service
from ldirector.adapters.config_watch import ConfigFile
from ldirector.cli import Arguments, UsageError, parse_arguments
from ldirector.config.director_config import DirectorConfig
from ldirector.instance import Instance, find

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "web.cf"
    path.write_text("virtual=10.1.1.10:80\n    real=192.168.2.236:80 masq\n")
    return str(path)


def run(tmp_path: Path, *words: str) -> int:
    return cli.main(words, run_dir=tmp_path)


def test_options_come_first_then_configuration_and_verb() -> None:
    assert parse_arguments(["start"]) == Arguments("start", None, None, False)
    assert parse_arguments(["x.cf", "stop"]) == Arguments("stop", "x.cf", None, False)
    assert parse_arguments(["-d", "--", "-x.cf", "start"]) == Arguments("start", "-x.cf", None, True)
    assert parse_arguments(["--role", "standby", "start"]).role == "standby"  # type: ignore[union-attr]
    assert parse_arguments(["--role=active", "start"]).role == "active"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "words", [[], ["x.cf", "begin"], ["a", "b", "start"], ["--deb", "start"], ["--role", "other", "start"], ["-d"]]
)
def test_usage_errors_exit_255_with_the_usage(words: list[str], tmp_path: Path, capsys: Captured) -> None:
    with pytest.raises(UsageError):
        parse_arguments(words)
    assert run(tmp_path, *words) == 255
    assert "usage: ldirectord" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-h", "-?", "--help", "-v", "--version"])
def test_help_and_version_go_to_standard_output(option: str, tmp_path: Path, capsys: Captured) -> None:
    assert run(tmp_path, option) == 0
    assert "ldirectord" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("verb", "status"), [("status", 3), ("stop", 0), ("try-restart", 0), ("reload", 1), ("force-reload", 1)]
)
def test_verbs_without_a_daemon_have_the_originals_exit_codes(
    verb: str, status: int, config: str, tmp_path: Path
) -> None:
    assert run(tmp_path, config, verb) == status


def test_status_of_a_stopped_daemon_goes_to_standard_output(config: str, tmp_path: Path, capsys: Captured) -> None:
    run(tmp_path, config, "status")
    assert capsys.readouterr().out == f"ldirectord is stopped for {config}\n"


def test_a_stale_pid_file_is_named_and_exits_1(config: str, tmp_path: Path, capsys: Captured) -> None:
    find(config, tmp_path).pid_file.write_text("1")
    assert run(tmp_path, config, "status") == 1
    said = capsys.readouterr()
    assert said.out == f"ldirectord is stopped for {config}\n"
    assert "stale pid file" in said.err


def test_a_broken_file_refuses_start_with_its_place_and_nothing_else(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    Path(config).write_text("nonsense=1\n")
    assert run(tmp_path, config, "start") == 2
    assert capsys.readouterr().err.startswith(f"ldirectord: {config}:1: unknown directive")
    assert run(tmp_path, config, "status") == 3
    assert run(tmp_path, config, "stop") == 0


def test_a_missing_file_exits_1_and_is_named(tmp_path: Path, capsys: Captured) -> None:
    assert run(tmp_path, str(tmp_path / "absent.cf"), "start") == 1
    assert "absent.cf: No such file or directory" in capsys.readouterr().err


class Daemon:
    """A process that holds the lock and ends at SIGTERM, and answers on its control socket."""

    def __init__(self, instance: Instance, answers: dict[str, dict[str, object]]) -> None:
        self.requests: list[str] = []
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(instance.socket))
        self._listener.listen()
        program = "import sys, ldirector.instance as i; from pathlib import Path; import signal\n"
        program += "it = i.Instance(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])); lock = it.lock()\n"
        program += "print('up', flush=True); signal.pause()"
        words = [str(instance.config), instance.name, str(instance.run_dir)]
        self.process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE)
        assert self.process.stdout
        self.process.stdout.readline()
        instance.pid_file.write_text(str(self.process.pid))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as stream:
                request = stream.readline().strip()
                self.requests.append(request)
                stream.write(json.dumps(self._answers[request]) + "\n")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@contextmanager
def a_daemon(config: str, run_dir: Path, role: str = "active", **answers: dict[str, object]) -> Iterator[Daemon]:
    daemon = Daemon(
        find(config, run_dir),
        {
            "status": {"ok": True, "role": role},
            "role active": {"ok": True, "role": "active"},
            "reload": {"ok": True},
            **{name.replace("_", " "): value for name, value in answers.items()},
        },
    )
    try:
        yield daemon
    finally:
        daemon.close()


def test_names_that_the_locale_has_no_letters_for_are_shown_escaped(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from ldirector.cli import main\n"
    program += "sys.exit(main(sys.argv[2:], Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), "/nowhere/\u00e9.cf", "status"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "ldirectord is stopped for /nowhere/\\xe9.cf\n", "")


def test_status_of_a_running_daemon_is_on_standard_output_for_heartbeat(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    with a_daemon(config, tmp_path) as daemon:
        assert run(tmp_path, config, "status") == 0
    assert capsys.readouterr().out == f"ldirectord for {config} is running with pid: {daemon.process.pid}\n"


def test_status_of_a_standby_is_not_running_here(config: str, tmp_path: Path, capsys: Captured) -> None:
    with a_daemon(config, tmp_path, "standby") as daemon:
        assert run(tmp_path, config, "status") == 3
    said = capsys.readouterr().out
    assert said == f"ldirectord for {config} is standing by with pid: {daemon.process.pid}\n"
    assert "running" not in said, "heartbeat looks for this word"


def test_start_that_finds_a_standby_which_was_faster_makes_it_active(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        others: list[Daemon] = []

        def load_slowly(file: ConfigFile[DirectorConfig]) -> DirectorConfig:
            others.append(stack.enter_context(a_daemon(config, tmp_path, "standby")))
            return file.load()

        monkeypatch.setattr(service, "loaded", load_slowly)
        assert run(tmp_path, config, "start") == 0
        assert others[0].requests[-1] == "role active"


@pytest.mark.parametrize("verb", ["restart", "try-restart"])
@pytest.mark.parametrize(("text", "status"), [("nonsense=1\n", 2), (None, 1)])
def test_restart_with_a_file_that_is_refused_leaves_the_daemon_running(
    verb: str, text: str | None, status: int, config: str, tmp_path: Path
) -> None:
    with a_daemon(config, tmp_path) as daemon:
        if text is None:
            Path(config).unlink()
        else:
            Path(config).write_text(text)
        assert run(tmp_path, config, verb) == status
        assert daemon.process.poll() is None


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "reload"])
def test_file_of_the_same_name_elsewhere_is_not_taken_for_the_one_that_runs(
    verb: str, config: str, tmp_path: Path, capsys: Captured
) -> None:
    other = tmp_path / "elsewhere" / Path(config).name
    other.parent.mkdir()
    other.write_text(Path(config).read_text())
    with a_daemon(config, tmp_path, status={"ok": True, "role": "active", "config": config}) as daemon:
        assert run(tmp_path, str(other), verb) == 1
        assert daemon.process.poll() is None
        assert "rename one" in capsys.readouterr().err
        assert run(tmp_path, config, "start") == 0


def test_start_of_an_active_daemon_does_nothing(config: str, tmp_path: Path) -> None:
    with a_daemon(config, tmp_path) as daemon:
        assert run(tmp_path, config, "start") == 0
        assert daemon.requests == ["status"]


def test_start_of_a_standby_makes_it_active(config: str, tmp_path: Path, capsys: Captured) -> None:
    with a_daemon(config, tmp_path, "standby") as daemon:
        assert run(tmp_path, config, "start") == 0
        assert daemon.requests == ["status", "role active"]
        assert run(tmp_path, "--role", "standby", config, "start") == 0
        assert daemon.requests[2:] == ["status"]
    refused: dict[str, object] = {"ok": False, "error": "no table"}
    with a_daemon(config, tmp_path / "..", "standby", role_active=refused):
        assert run(tmp_path / "..", config, "start") == 1
    assert "cannot become active: no table" in capsys.readouterr().err


def test_start_as_standby_leaves_an_active_daemon_alone_and_says_so(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    with a_daemon(config, tmp_path) as daemon:
        assert run(tmp_path, "--role", "standby", config, "start") == 0
        assert daemon.requests == ["status"]
    assert "is running as active and stays so" in capsys.readouterr().err


def test_stop_waits_until_the_daemon_is_gone(config: str, tmp_path: Path) -> None:
    with a_daemon(config, tmp_path) as daemon:
        Path(config).write_text("nonsense=1\n")
        assert run(tmp_path, config, "stop") == 0
        assert daemon.process.wait(5) == -signal.SIGTERM


def test_a_daemon_that_does_not_stop_is_a_failure(
    config: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "STOP_SECONDS", 0.1)
    with a_daemon(config, tmp_path) as daemon:
        os.kill(daemon.process.pid, signal.SIGSTOP)
        os.waitpid(daemon.process.pid, os.WUNTRACED)  # until it has stopped: a SIGTERM at once would come first
        assert run(tmp_path, config, "stop") == 1
    assert f"pid {daemon.process.pid} still runs" in capsys.readouterr().err


def test_reload_tells_whether_the_file_was_taken(config: str, tmp_path: Path, capsys: Captured) -> None:
    with a_daemon(config, tmp_path):
        assert run(tmp_path, config, "reload") == 0
    refused: dict[str, object] = {"ok": False, "error": "web.cf:1: unknown\nweb.cf:2: too"}
    find(config, tmp_path).socket.unlink()
    with a_daemon(config, tmp_path, reload=refused):
        assert run(tmp_path, config, "force-reload") == 2
    assert capsys.readouterr().err == (
        "ldirectord: reload refused, the running configuration is unchanged:\n"
        "ldirectord: web.cf:1: unknown\nldirectord: web.cf:2: too\n"
    )


def test_verbs_for_a_running_daemon_load_neither_asyncio_nor_the_checks(config: str, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ldirector.cli import main\n"
        "status = main(sys.argv[2:], run_dir=Path(sys.argv[1]))\n"
        "heavy = {'asyncio', 'httptools', 'regex', 'requests', 'pyroute2', 'ssl', 'daemonize'} & set(sys.modules)\n"
        "print(status, sorted(heavy))"
    )
    for verb, status in (("status", 3), ("stop", 0)):
        command = [sys.executable, "-c", program, str(tmp_path), config, verb]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == f"{status} []"


def test_starting_loads_neither_requests_nor_pyroute2() -> None:
    program = (
        "import sys, ldirector.service; print(sorted({'requests', 'pyroute2', 'cryptography'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_closed_streams_are_opened_so_that_no_lock_takes_their_number(tmp_path: Path) -> None:
    program = (
        "import os; from ldirector.cli import open_standard_streams; open_standard_streams(); "
        "assert os.open('/dev/null', os.O_RDONLY) > 2"
    )
    for closed in (0, 1, 2):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -c "$1" {closed}>&-', sys.executable, program], capture_output=True, check=False
        )
        assert done.returncode == 0, (closed, done.stderr)


def test_start_while_the_old_daemon_does_not_answer_is_no_success(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(cli, "STOP_SECONDS", 0.1)
    instance = find(config, tmp_path)
    lock = instance.lock()
    instance.enter(os.getpid(), supervised=True)
    assert run(tmp_path, config, "start") == 1
    assert "neither answers nor ends" in capsys.readouterr().err
    os.close(lock or 0)
