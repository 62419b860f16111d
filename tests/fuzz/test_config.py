"""Any file is a configuration or is refused with its lines, soon, and nothing in it reaches a shell.

2,000 files here, 100,000 in `make nightly`. `parse` is measured in processor time, which a busy machine does not
stretch; a file that is over its 100 ms is measured again before it counts, with nothing compiled beforehand.
"""

from __future__ import annotations

import asyncio
import io
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from random import Random
from shlex import split
from typing import Any

import pytest

from ldirector import check_file, cli
from ldirector.adapters.commands import Commands
from ldirector.adapters.mail import Mailer
from ldirector.adapters.monitorfile import MonitorFiles
from ldirector.checks import external
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import ConfigError
from ldirector.config.ldirectord_cf import parse
from ldirector.core.commands import callback, instance
from ldirector.core.events import Command, Mail
from ldirector.core.fallback_commands import FallbackCommands
from ldirector.core.negotiate import Probe, choose
from ldirector.core.receive import compiled
from ldirector.load import config_file
from tests.fuzz.mutations import SETTINGS, SHELL_TEXTS, Mutator, commands_file, good_files
from tests.ldirector.world import FakeNames

FILES_OF_A_SEED = 250
EVERY_DAY, NIGHTLY = 8, 400  # seeds
LIMIT = 0.1  # seconds of processor time
ATTEMPTS = 3
TESTED = 5  # every so many-th file goes through `ldirectord -t`, too
SECONDS = 10.0  # for a command, far more than /bin/true needs

SEEDS = [pytest.param(n, marks=[] if n < EVERY_DAY else pytest.mark.nightly) for n in range(NIGHTLY)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where we are, with no name server in reach."""
    real = socket.getaddrinfo

    def lookup(name: str, *rest: Any) -> Any:
        if name != "localhost" and not name.replace(".", "").isdigit() and ":" not in name:
            name.encode("idna")  # as the real one begins
            raise socket.gaierror(socket.EAI_NONAME, "no name server")
        return real(name, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("seed", SEEDS)
def test_any_file_is_taken_or_refused_with_its_lines_within_100_ms(seed: int, folder: Path) -> None:
    canary, path, settings = folder / "canary", folder / "ldirectord.cf", folder / "ldirector.yaml"
    cf = Mutator(Random(seed), good_files() + 20 * [commands_file(canary)], canary)
    beside = Mutator(Random(-seed), SETTINGS, canary)
    for number in range(FILES_OF_A_SEED):
        path.write_bytes(text := cf.file())
        settings.write_bytes(beside.file() if number % 3 else SETTINGS[number % len(SETTINGS)])
        decoded = text.decode("utf-8", "surrogateescape")
        judged(partial(parse, decoded, str(path), FakeNames(), strict=True), path)
        if config := judged(config_file(path).load, path):
            asyncio.run(run_harmless_commands(config))
        if number % TESTED == 0:
            assert_tested(path)
        assert not canary.exists(), text


def judged(read: Callable[[], DirectorConfig], path: Path) -> DirectorConfig | None:
    """What was read, None when it was refused; anything else fails, and so does a reader that is slow each time."""
    spent = []
    for _ in range(ATTEMPTS):
        compiled.cache_clear()
        started = time.process_time()
        config: DirectorConfig | None = None
        try:
            config = read()
            problems = config.warnings
        except ConfigError as error:
            problems = error.problems
        spent.append(time.process_time() - started)
        if spent[-1] < LIMIT:
            break
    else:
        pytest.fail(f"{spent} s for {path.read_bytes()!r} and {path.with_name('ldirector.yaml').read_bytes()!r}")
    for problem in problems:
        assert problem.what
        assert problem.cure
        assert "\n" not in str(problem)
        if problem.file == str(path):
            assert 0 < problem.line <= path.read_bytes().count(b"\n") + 1 or "logfile" in problem.what
    return config


def assert_tested(path: Path) -> None:
    """`ldirectord -t` ends with one of its three exit codes; both streams as Python opens them in a UTF-8 locale."""
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as out:
        with redirect_stderr(io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")) as said:
            status = cli.main(["-t", str(path)])
        said.seek(0)
        assert status in (check_file.FINE, check_file.WARNINGS, check_file.REFUSED)
        assert (status == check_file.FINE) == (said.read() == "")
        out.seek(0)
        assert (status == check_file.REFUSED) == (out.read() == "")


def commands_of(config: DirectorConfig) -> list[tuple[str, ...]]:
    """Everything that the daemon would run for this configuration, external checks included."""
    started = FallbackCommands().follow(config.virtuals, {virtual.key for virtual in config.virtuals})
    found = [command.argv for command in started]
    if config.callback:
        found.append(callback(config.callback, config.file).argv)
    found += [instance(name, "start", "/bin/true").argv for name in config.execute]
    for virtual in config.virtuals:
        check = choose(virtual, virtual.reals[0]).check if virtual.reals else None
        if isinstance(check, Probe) and check.spec.method == "external":
            found.append(check.spec.command)
    return list(dict.fromkeys(found))


async def run_harmless_commands(config: DirectorConfig) -> None:
    """Those whose program is /bin/true, with whatever arguments."""
    background = Commands(lambda line: None)
    for argv in commands_of(config)[:3]:
        if argv[0] == "/bin/true":
            background.run(Command(argv, "a command", str(argv)))
    await background.close(SECONDS)


# Canaries


@pytest.mark.parametrize("text", SHELL_TEXTS)
def test_canary_sings_when_a_shell_reads_it(text: str, folder: Path) -> None:
    """Negative control: otherwise a silent canary would say nothing."""
    words = f"/bin/true {text.format(folder / 'canary')}"
    if "|| touch" in text:
        words = words.replace("/bin/true", "/bin/false")
    if text[0] in "\"'":
        words = f"/bin/true {text[0]}{text.format(folder / 'canary')}{text[0]}"
    subprocess.run(["/bin/sh", "-c", words], check=False, stderr=subprocess.DEVNULL)
    assert (folder / "canary").exists()


@pytest.mark.parametrize("text", [text for text in SHELL_TEXTS if "\n" not in text])
def test_no_value_reaches_a_shell(text: str, folder: Path) -> None:
    canary = folder / "canary"
    value = text.format(canary)
    values = {
        "fallbackcommand": f"/bin/true {value}" if balanced(value) else "/bin/true",
        "checkcommand": f"/bin/true {value}",
        "monitorfile": value,
        "emailalert": value,
        "virtualhost": value,
    }
    lines = [f"\t{name}={value}" for name, value in values.items()]
    block = "\n".join(["\treal=192.168.2.1:80 masq", *lines])
    config = parse(
        f'callback="/bin/true {value}"\nexecute={value}\n'
        f"virtual=10.1.1.10:80\n\tchecktype=external\n{block}\n\n"
        f"virtual=10.1.1.10:81\n\tchecktype=external-perl\n{block}\n",
        "ldirectord.cf",
        FakeNames(),
    )
    commands = commands_of(config)
    assert {words for argv in commands for words in argv if str(canary) in words}, "the value is in what is run"
    asyncio.run(perform_all(config, commands))
    assert not canary.exists()
    monitorfile = Path(config.virtuals[0].monitorfile)
    assert not monitorfile.name or monitorfile.exists() or not monitorfile.parent.exists()


async def perform_all(config: DirectorConfig, commands: list[tuple[str, ...]]) -> None:
    """By the adapters of the daemon, each value where it belongs."""
    errors: list[str] = []
    background, monitorfiles = Commands(errors.append), MonitorFiles(errors.append)
    mailer = Mailer(errors.append, sendmail="/bin/true")
    for argv in commands:
        background.run(Command(argv, "a command", str(argv)))
    for virtual in config.virtuals:
        monitorfiles.write(virtual.monitorfile, f"{virtual.monitorfile} [up] -")
        mailer.send(Mail((virtual.emailalert,), virtual.emailalert, virtual.emailalert, virtual.emailalert))
        check = choose(virtual, virtual.reals[0]).check
        assert isinstance(check, Probe)
        await external.check(check.spec, asyncio.get_running_loop().time() + SECONDS)
    monitorfiles.flush()
    await background.close(SECONDS)
    await mailer.close(SECONDS)


def balanced(text: str) -> bool:
    """Whether its quotes are closed, as fallbackcommand wants them."""
    try:
        split(text)
    except ValueError:
        return False
    return True
