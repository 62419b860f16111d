"""checktype=connect: a TCP connection that comes about is success; nothing is sent (reference section c)."""

from __future__ import annotations

import asyncio

from ldirector.checks.dial import dial, verdict_of
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    try:
        async with asyncio.timeout_at(deadline):
            sock = await dial(spec.address, spec.port)
    except TimeoutError:
        return Verdict(Outcome.FAIL, Reason.CONNECT_TIMEOUT)
    except OSError as error:
        return verdict_of(error)
    sock.close()
    return Verdict(Outcome.PASS, Reason.OK)
