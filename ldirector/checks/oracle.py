"""service=oracle: log in to the instance named by database (its SID), run request as SQL, and at least one row is up
(reference section c).

The thin mode of oracledb does it on our event loop, without Oracle's client libraries. It opens its own connection, so
unlike in the other checks it is the driver that bounds what it reads; the deadline is ours.

What the tests cover: a scripted listener that refuses, hangs, closes, floods or is none; and a stand-in for the
driver's connection that shows what is asked of it once logged in. No Oracle server has been met.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import oracledb

from ldirector.checks.attempt import PASSED, BadAnswer, attempt
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason, Verdict

GOODBYE_SECONDS = 0.5  # for the log-off, which nobody waits for

_goodbyes: set[asyncio.Task[None]] = set()


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """At least one row, all within the one deadline."""
    return await attempt(deadline, _query(spec))


async def _query(spec: CheckSpec) -> Verdict:
    connection = None
    try:
        connection = await oracledb.connect_async(user=spec.login, password=spec.passwd, params=_where(spec))
        cursor = connection.cursor()
        cursor.arraysize = cursor.prefetchrows = 1
        await cursor.execute("SET TRANSACTION READ ONLY")
        await cursor.execute(spec.request)
        row = await cursor.fetchone()
    except oracledb.Error as error:
        raise _judged(error) from None
    finally:
        if connection:
            task = asyncio.create_task(_leave(connection))
            _goodbyes.add(task)
            task.add_done_callback(_goodbyes.discard)
    if row is None:
        raise BadAnswer(Reason.NOT_FOUND, "the query has no row")
    return PASSED


def _where(spec: CheckSpec) -> Any:
    return oracledb.ConnectParams(
        host=spec.address, port=spec.port, sid=spec.database or None, tcp_connect_timeout=spec.timeout, retry_count=0
    )


async def _leave(connection: oracledb.AsyncConnection) -> None:
    """Log off; the driver rolls the transaction back."""
    with suppress(oracledb.Error, OSError, TimeoutError):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await connection.close()


def _judged(error: oracledb.Error) -> Exception:
    """The OSError below an error of the driver, else what it says in its innermost words."""
    cause: BaseException = error
    while (below := cause.__cause__ or cause.__context__) is not None:
        cause = below
    if isinstance(cause, OSError):
        return cause
    lines = str(cause).splitlines()
    words = lines[0] if lines else type(cause).__name__
    if words.startswith(("DPY-4011", "DPY-1001")):
        return BadAnswer(Reason.CONNECTION_LOST, words)
    refused = words.startswith(("ORA-", "DPY-6000", "DPY-6001", "DPY-6003"))
    return BadAnswer(Reason.REFUSED if refused else Reason.BAD_ANSWER, words)
