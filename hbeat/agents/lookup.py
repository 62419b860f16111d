"""What does the work of a resource that is not built in (reference section 6.2), and how its words are read.

In this order, the first that is there:

    /etc/ha.d/resource.d/NAME    called as NAME arg1 arg2 … ACTION; status answers by its text
    /etc/init.d/NAME             the same
    OCF::TYPE::INSTANCE          the agent TYPE below the OCF root, its OCF_RESKEY_… from conf/OCF/TYPE/INSTANCE
    the OCF agent NAME           arguments become OCF_RESKEY_1, OCF_RESKEY_2 …; one that reads x=y also OCF_RESKEY_x
    the systemd unit NAME        where systemd runs; it takes no arguments

OCF agents and units answer by exit status and by state, which is why each of them has a judge of its own. Nothing is
ever passed through a shell.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hbeat.adapters.scripts import judge
from hbeat.agents.operation import Judge
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Resource

SCRIPT_PLACES = (Path("/etc/ha.d/resource.d"), Path("/etc/init.d"))
OCF_ROOT = Path("/usr/lib/ocf")
OCF_CONF = Path("/etc/ha.d/conf/OCF")
OCF_WRAPPER = ("OCF", "ocf")
SYSTEMD_RUNS = Path("/run/systemd/system")
UNIT_PLACES = tuple(Path(place, "systemd/system") for place in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"))
UNIT_KINDS = (".service", ".socket", ".target", ".timer", ".mount", ".path", ".slice")

OCF_SUCCESS, OCF_NOT_RUNNING, OCF_RUNNING_MASTER = 0, 7, 8

_ASSIGNMENT = re.compile(r"(?:export\s+)?(OCF_RESKEY_)?([A-Za-z_]\w*)=(.*)", re.ASCII)
_NAMED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)


class LookupFailed(Exception):
    """Nothing can do this resource's work; the text says what was looked for."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run for one action, with what more in its environment, and how to read its end."""

    argv: list[str]
    judge: Judge
    env: Mapping[str, str] = field(default_factory=dict)


def command_for(resource: Resource, action: Action) -> Command:
    """The command that does this action. Raises LookupFailed, OSError."""
    script = find_script(resource.script)
    if script is not None:
        return Command([str(script), *resource.arguments, action.value], partial(judge, resource, action))
    if resource.script in OCF_WRAPPER:
        return _wrapped_agent(resource, action)
    agent = find_agent(resource.script)
    if agent is not None:
        return _agent(agent, action, _numbered(resource.arguments), resource.text)
    unit = find_unit(resource.script)
    if unit is not None:
        if resource.arguments:
            raise LookupFailed(f"{unit} is a systemd unit and takes no arguments: write {resource.script} alone")
        return _unit(unit, action)
    places = [str(place) for place in SCRIPT_PLACES] + [f"{OCF_ROOT}/resource.d/*"]
    units = f", nor a systemd unit {unit_name(resource.script)}" if SYSTEMD_RUNS.is_dir() else ""
    raise LookupFailed(f"there is no executable {resource.script} in {', '.join(places)}{units}")


def find_script(name: str) -> Path | None:
    """The first regular executable file of that name, or None."""
    return _first_executable(place / name for place in SCRIPT_PLACES)


def find_agent(name: str) -> Path | None:
    """The OCF agent of that name, heartbeat's own provider first, then by name; None without one."""
    providers = OCF_ROOT / "resource.d"
    try:
        others = sorted(entry for entry in providers.iterdir() if entry.name != "heartbeat")
    except OSError:
        others = []
    return _first_executable(place / name for place in (providers / "heartbeat", *others))


def unit_name(name: str) -> str:
    """How systemd calls it: NAME.service unless it says which kind it is."""
    return name if name.endswith(UNIT_KINDS) else f"{name}.service"


def find_unit(name: str) -> str | None:
    """The systemd unit of that name; None when there is none, or when systemd does not run this machine."""
    if not SYSTEMD_RUNS.is_dir():
        return None
    unit = unit_name(name)
    template = re.sub(r"@[^.]+", "@", unit)
    found = any((place / file).exists() for place in UNIT_PLACES for file in {unit, template})
    return unit if found else None


def _first_executable(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file() and os.access(path, os.X_OK)), None)


# --- OCF ------------------------------------------------------------------------------------------------------


def _wrapped_agent(resource: Resource, action: Action) -> Command:
    """`OCF::TYPE::INSTANCE`, as heartbeat's wrapper of that name."""
    if len(resource.arguments) != 2 or not all(re.fullmatch(r"[\w.@-]+", word) for word in resource.arguments):
        raise LookupFailed(f"{resource.text}: write OCF::TYPE::INSTANCE")
    type_, instance = resource.arguments
    agent = find_agent(type_)
    if agent is None:
        raise LookupFailed(f"there is no executable {type_} in {OCF_ROOT}/resource.d/*")
    path = OCF_CONF / type_ / instance
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise LookupFailed(f"{path} cannot be read: {error.strerror}; it has the agent's parameters") from None
    return _agent(agent, action, _read_parameters(text, path), f"{type_}::{instance}")


def _read_parameters(text: str, path: Path) -> dict[str, str]:
    """The NAME=VALUE lines of a shell file: quotes are taken off, nothing else of the shell happens."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise LookupFailed(f"{path}:{number}: {error}") from None
        if not words:
            continue
        match = _ASSIGNMENT.fullmatch(" ".join(words))
        if match is None:
            raise LookupFailed(f"{path}:{number}: {line.strip()} is not NAME=VALUE")
        found[match[2]] = match[3]
    return found


def _numbered(arguments: tuple[str, ...]) -> dict[str, str]:
    parameters = {str(number): argument for number, argument in enumerate(arguments, 1)}
    for argument in arguments:
        if match := _NAMED.fullmatch(argument):
            parameters[match[1]] = match[2]
    return parameters


def _agent(agent: Path, action: Action, parameters: Mapping[str, str], instance: str) -> Command:
    env = {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    env |= {
        "OCF_ROOT": str(OCF_ROOT),
        "OCF_RA_VERSION_MAJOR": "1",
        "OCF_RA_VERSION_MINOR": "0",
        "OCF_RESOURCE_INSTANCE": re.sub(r"[^\w.-]+", "_", instance),
        "OCF_RESOURCE_TYPE": agent.name,
        "OCF_RESOURCE_PROVIDER": agent.parent.name,
    }
    verb = "monitor" if action is Action.STATUS else action.value
    return Command([str(agent), verb], partial(judge_agent, action), env)


def judge_agent(action: Action, status: int, output: str) -> Outcome:
    """An OCF agent answers by its exit status; a monitor that fails has not said that the resource is stopped."""
    if action is Action.STATUS and status in (OCF_NOT_RUNNING, OCF_RUNNING_MASTER):
        return Outcome(True, output, running=status == OCF_RUNNING_MASTER)
    if status == OCF_SUCCESS:
        return Outcome(True, output, running=action is not Action.STOP)
    how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return Outcome(False, f"{how}{': ' + output if output else ''}")


# --- systemd --------------------------------------------------------------------------------------------------


def _unit(unit: str, action: Action) -> Command:
    verb = "is-active" if action is Action.STATUS else action.value
    return Command(["systemctl", verb, "--", unit], partial(judge_unit, action))


def judge_unit(action: Action, status: int, output: str) -> Outcome:
    """systemctl tells the state in a word; one in between is neither running nor known to be stopped."""
    if action is not Action.STATUS:
        return Outcome(status == 0, output or f"exit status {status}")
    state = output.split(" ")[-1]
    return Outcome(state in ("active", "reloading", "inactive", "failed"), output, state in ("active", "reloading"))
