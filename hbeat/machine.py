"""What of a good configuration this machine cannot do as it stands: said at start and at reload."""

from __future__ import annotations

import os
import stat

from hbeat.adapters.client_process import check_client
from hbeat.agents.lookup import LookupFailed, command_for
from hbeat.agents.mail import find_sendmail
from hbeat.config.errors import ConfigError, Problem, Severity
from hbeat.core.builtin import BUILTIN
from hbeat.core.events import Action
from hbeat.load import HA_DIR, Configuration


def unresolved(config: Configuration) -> None:
    """Raises ConfigError for every resource and client that cannot be started on this machine, with what was looked
    for."""
    problems = []
    for resource in (r for group in config.groups for r in group.resources if r.script not in BUILTIN):
        try:
            command_for(resource, Action.STATUS)
        except LookupFailed as error:
            cure = "install it on both nodes, or correct its name"
            file = str(HA_DIR / "haresources")
            problems.append(Problem(file, resource.line, Severity.ERROR, f"{resource.text}: {error}", cure))
    for client in config.ha.respawn:
        if client.runs and (problem := check_client(client.user, client.argv[0])):
            what, _, cure = problem.rpartition("; ")
            problems.append(Problem(str(HA_DIR / "ha.cf"), client.line, Severity.ERROR, f"respawn: {what}", cure))
    if problems:
        raise ConfigError(problems)


def _unfit_log(path: str) -> str:
    """Why no line can be written to this file, with the cure, or nothing."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        writable = os.access(os.path.dirname(path), os.W_OK)
        return "" if writable else "cannot be written: create its folder"
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        return "is no file: write the name of one in ha.cf"
    return "" if os.access(path, os.W_OK) else "cannot be written: correct its mode"


def shortcomings(config: Configuration) -> list[str]:
    """One line each, never fatal: logs that cannot be written, mail that cannot be sent."""
    found = []
    for path in (config.ha.log.logfile, config.ha.log.debugfile):
        if path and (problem := _unfit_log(path)):
            found.append(f"{path} {problem}, or nothing is logged there")
    if not config.groups:
        found.append(f"{HA_DIR / 'haresources'} has no groups: heartbeats are sent, and nothing is served; add a line")
    if any(r.script == "MailTo" for group in config.groups for r in group.resources) and find_sendmail() is None:
        found.append("haresources: MailTo sends nothing, there is no program sendmail: install a mail server")
    return found
