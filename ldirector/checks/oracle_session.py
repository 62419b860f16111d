"""The process of one oracle check; oracle.py says why it is one. Run by its path, it needs nothing but oracledb.

Standard input: a JSON object with address, port, sid, login, passwd, request and seconds. Standard output: a JSON list
of the name of a Reason (core/verdict.py) and words for the log.
"""

from __future__ import annotations

import json
import math
import resource
import signal
import sys
from typing import Any

MEMORY_LIMIT = 512 * 1024 * 1024  # bytes of address space; a healthy session takes a fifth of that


def main() -> None:
    given = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.alarm(math.ceil(given["seconds"]) + 1)  # ends the process when nobody is left to do it
    try:
        outcome = session(given)
    except MemoryError:
        outcome = "TOO_LARGE", f"the driver wanted more than {MEMORY_LIMIT >> 20} MiB"
    json.dump(outcome, sys.stdout)


def session(given: dict[str, Any]) -> tuple[str, str]:
    """Reason and words: OK when the request gives at least one row, in a transaction that cannot write."""
    import oracledb  # here, so that it comes under the limit

    try:
        params = oracledb.ConnectParams(
            host=given["address"],
            port=given["port"],
            sid=given["sid"] or None,
            tcp_connect_timeout=given["seconds"],
            retry_count=0,
        )
        connection = oracledb.connect(user=given["login"], password=given["passwd"], params=params)
        try:
            cursor = connection.cursor()
            cursor.arraysize = cursor.prefetchrows = 1
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(given["request"])
            found = cursor.fetchone() is not None
        finally:
            connection.close()
    except oracledb.Error as error:
        return judged(error)
    return ("OK", "") if found else ("NOT_FOUND", "the query has no row")


def judged(error: BaseException) -> tuple[str, str]:
    """Reason and innermost words of an error of the driver."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    lines = str(error).splitlines()
    words = lines[0] if lines else type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return "CONNECT_REFUSED", ""
    if isinstance(error, TimeoutError):
        return "CONNECT_TIMEOUT", ""
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, OSError) or words.startswith(("DPY-4011", "DPY-1001")):
        return "CONNECTION_LOST", words
    return "REFUSED" if words.startswith(("ORA-", "DPY-6000", "DPY-6001", "DPY-6003")) else "BAD_ANSWER", words


if __name__ == "__main__":
    main()
