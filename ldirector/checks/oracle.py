"""service=oracle: log in to the instance named by database (its SID), run request as SQL, and at least one row is up
(reference section c).

The thin mode of oracledb does it, without Oracle's client libraries, in a process of its own: the driver believes what
a server says of itself, and 208 bytes from one that is none made it fill 2.3 GB and stop its event loop for three
seconds. There that meets a limit of memory, and the deadline kills what does not end. A check so costs a tenth of a
second of processor time, and few run at once.

What the tests cover: a scripted listener that refuses, hangs, closes, floods, lies or is none; and a stand-in for the
driver that shows what is asked of it once logged in. No Oracle server has been met.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from ldirector.checks.attempt import PASSED, BadAnswer, attempt
from ldirector.checks.threads import Sockets, Threads
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict

SESSION = Path(__file__).with_name("oracle_session.py")
MAX_PROCESSES = 8  # at the same time; further checks wait

_threads = Threads("oracle", MAX_PROCESSES)


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """At least one row, all within the one deadline."""
    seconds = deadline - asyncio.get_running_loop().time()
    return await attempt(deadline, _threads.run(deadline, partial(_session, spec, seconds)))


def _session(spec: CheckSpec, seconds: float, _sockets: Sockets) -> Verdict:
    given = {
        "address": spec.address,
        "port": spec.port,
        "sid": spec.database,
        "login": spec.login,
        "passwd": spec.passwd,
        "request": spec.request,
        "seconds": seconds,
    }
    try:
        ended = subprocess.run(
            [sys.executable, str(SESSION)],
            input=json.dumps(given).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadAnswer(Reason.READ_TIMEOUT) from None
    try:
        name, words = json.loads(ended.stdout)
    except ValueError:
        raise BadAnswer(Reason.BAD_ANSWER, f"the driver gave up (exit {ended.returncode})") from None
    if name != Reason.OK.name:
        raise BadAnswer(Reason[name], words)
    return PASSED
