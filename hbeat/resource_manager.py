"""`hbeat resource`: what scripts know as ResourceManager, req_resource and mach_down (reference section 6.3).

Keys are read from haresources and states asked of the agents, whether a daemon runs or not. While one runs it is told
to do the work of takegroup and givegroup: it knows which node holds what, and does one thing at a time. Without it the
work is done here, by the same plan and the same agents.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterable, Sequence

from hbeat import client
from hbeat.agents.environment import script_environment
from hbeat.agents.lookup import LookupFailed
from hbeat.agents.operation import Operation
from hbeat.agents.roster import Agents
from hbeat.config.errors import ConfigError
from hbeat.config.haresources import parse_resource
from hbeat.core.builtin import BUILTIN
from hbeat.core.events import Action, Effect, Level, Note, Outcome, RunResource
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.takeover import Job, JobDone, JobKind, JobQueue
from hbeat.load import Configuration, load

OK, FAILED, USAGE_STATUS, NOT_RUNNING, NOT_CONFIGURED = 0, 1, 2, 3, 6
POLL = 0.1

USAGE = """\
usage: hbeat resource listkeys NODE | allkeys | ourkeys | otherkeys
       hbeat resource status RESOURCE | statgroup KEY | verifyallidle
       hbeat resource takegroup KEY | givegroup KEY | req_resource KEY | mach_down NODE
KEY is the first resource of a line of haresources, as written there."""

WITHOUT_ARGUMENT = ("allkeys", "ourkeys", "otherkeys", "verifyallidle")
WITH_ARGUMENT = ("listkeys", "status", "statgroup", "takegroup", "givegroup", "req_resource", "mach_down")


def main(words: Sequence[str]) -> int:
    """words: the sub-command and its argument. The exit status."""
    verb = words[0] if words else ""
    if not ((verb in WITHOUT_ARGUMENT and len(words) == 1) or (verb in WITH_ARGUMENT and len(words) == 2)):
        print(USAGE, file=sys.stderr)
        return USAGE_STATUS
    try:
        config = load()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return NOT_CONFIGURED
    manager = _Manager(config)
    try:
        return manager.do(verb, words[1] if len(words) > 1 else "")
    except (LookupError, LookupFailed, ValueError, client.NotRunning, PermissionError) as error:
        print(f"hbeat resource {verb}: {error.args[0] if error.args else error}", file=sys.stderr)
        return FAILED
    finally:
        manager.close()


class _Manager:
    """One call of the command."""

    def __init__(self, config: Configuration) -> None:
        self._config = config
        self._agents = Agents(script_environment(config), _complain)
        self._agents.heed(config.sessions)

    def do(self, verb: str, argument: str) -> int:
        groups, me = self._config.groups, self._config.node
        match verb:
            case "listkeys":
                _print(g.key for g in groups if g.node == argument.lower())
            case "allkeys":
                _print(g.key for g in groups)
            case "ourkeys" | "otherkeys":
                wanted = [g for g in groups if (g.node == me) is (verb == "ourkeys")]
                _print(" ".join(r.text for r in g.resources) for g in wanted)
            case "status":
                outcome = self._run(parse_resource(argument), Action.STATUS)
                print(outcome.detail or ("running" if outcome.running else "stopped"))
                return OK if outcome.running else NOT_RUNNING
            case "statgroup":
                print(self._state(self._group(argument)))
            case "verifyallidle":
                return self._verify_all_idle()
            case "takegroup" | "givegroup":
                return self._move(self._group(argument), verb)
            case "req_resource":
                group = self._group(argument)
                return OK if self._state(group) == "ALL" else self._move(group, "takegroup")
            case "mach_down":
                statuses = [self._move(g, "takegroup") for g in groups if g.node == argument.lower()]
                return max(statuses, default=OK)
        return OK

    def _group(self, key: str) -> ResourceGroup:
        for group in self._config.groups:
            if group.key == key:
                return group
        raise LookupError(f"no group {key} in haresources; `hbeat resource allkeys` lists them")

    def _state(self, group: ResourceGroup) -> str:
        running = [self._run(resource, Action.STATUS).running for resource in group.resources if _has_state(resource)]
        return "ALL" if all(running) else "SOME" if any(running) else "NONE"

    def _verify_all_idle(self) -> int:
        busy = [g.key for g in self._config.groups if self._run(g.resources[0], Action.STATUS).running]
        for key in busy:
            print(f"CRITICAL: Resource {key} is active, and should not be!", file=sys.stderr)
        return FAILED if busy else OK

    # --- moving a group ---------------------------------------------------------------------------------------

    def _move(self, group: ResourceGroup, verb: str) -> int:
        if not client.is_running():
            return self._move_here(group, JobKind.OWN if verb == "takegroup" else JobKind.YIELD)
        answer = client.ask(f"{verb} {group.key}")
        if not answer["ok"]:
            raise LookupError(answer["error"])
        while self._daemon_is_busy():
            time.sleep(POLL)
        if verb == "takegroup":
            return OK if self._state(group) == "ALL" else FAILED
        shared = {r for other in self._config.groups if other.key != group.key for r in other.resources}
        alone = [resource for resource in group.resources if _has_state(resource) and resource not in shared]
        return FAILED if any(self._run(resource, Action.STATUS).running for resource in alone) else OK

    def _daemon_is_busy(self) -> bool:
        resources = client.ask("status")["resources"]
        assert isinstance(resources, dict)
        return bool(resources["busy"])

    def _move_here(self, group: ResourceGroup, kind: JobKind) -> int:
        queue = JobQueue(BUILTIN)
        pending: list[Effect | JobDone] = queue.add(Job(kind, (group,)))
        failed = False
        while not queue.idle or pending:
            if not pending:
                time.sleep(max(0.0, (queue.next_deadline() or 0.0) - time.monotonic()))
                pending = queue.handle_timer(time.monotonic())
                continue
            match pending.pop(0):
                case RunResource(op_id, resource, action):
                    outcome = self._run(resource, action)
                    pending += queue.finished(op_id, outcome, time.monotonic())
                case Note(level, text) if level >= Level.WARNING:
                    _complain(text)
                case JobDone(_, groups):
                    failed = bool(groups)
        self._announce_in_background()
        return FAILED if failed else OK

    def _run(self, resource: Resource, action: Action) -> Outcome:
        """Waits until the action has ended."""
        begun = self._agents.run(resource, action, time.monotonic())
        if not isinstance(begun, Outcome):
            self._agents.addresses.release()
        for aside in self._agents.take_asides():
            if not (told := _wait(aside)).ok:
                _complain(told.detail)
        return begun if isinstance(begun, Outcome) else _wait(begun)

    def _announce_in_background(self) -> None:
        """The frames that follow the first one need some seconds, which a script must not wait for."""
        announcer = self._agents.announcer
        if announcer.next_deadline() is None:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork():
            return
        os.setsid()
        for descriptor in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        while (at := announcer.next_deadline()) is not None:
            time.sleep(max(0.0, at - time.monotonic()))
            announcer.handle_timer(time.monotonic())
        os._exit(0)

    def close(self) -> None:
        self._agents.close()


def _wait(operation: Operation) -> Outcome:
    while True:
        now = time.monotonic()
        readable, _, _ = select.select(operation.filenos, [], [], max(0.0, operation.deadline - now))
        now = time.monotonic()
        outcome = operation.step(now) if readable else operation.expire(now)
        if outcome is not None:
            return outcome


def _has_state(resource: Resource) -> bool:
    """MailTo and SendArp do something once; they do not run."""
    return resource.script not in ("MailTo", "SendArp")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _complain(text: str) -> None:
    print(text, file=sys.stderr)
