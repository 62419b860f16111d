"""checktype=external: a command decides by its exit status, 0 = up (reference section c).

How a command is run, bounded and ended is in adapters/commands.py.
"""

from __future__ import annotations

from ldirector.adapters import commands
from ldirector.checks.dial import OWN_SHORTAGE
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    program = spec.command[0]
    try:
        ended = await commands.run(spec.command, deadline)
    except OSError as error:
        if error.errno in OWN_SHORTAGE:
            return Verdict(Outcome.NOT_RUN, Reason.NO_DESCRIPTORS, str(error))
        return Verdict(Outcome.FAIL, Reason.COMMAND_MISSING, f"{program}: {error.strerror}")
    if ended.status is None:
        return Verdict(Outcome.FAIL, Reason.COMMAND_TIMEOUT, f"{program} killed after {spec.timeout:g} s")
    if ended.status != 0:
        return Verdict(Outcome.FAIL, Reason.EXIT_STATUS, str(ended))
    return Verdict(Outcome.PASS, Reason.OK)
