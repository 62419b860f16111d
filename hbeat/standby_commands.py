"""The commands `hb_standby` and `hb_takeover` (reference section 11.5)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hbeat import client

WORDS = ("all", "foreign", "local", "failback")
OK, FAILED = 0, 1


def standby_main(argv: Sequence[str] | None = None) -> int:
    """hb_standby [all|foreign|local|failback]: give resources to the other node. 0 as soon as it is begun."""
    return _request("standby", "hb_standby", sys.argv[1:] if argv is None else argv)


def takeover_main(argv: Sequence[str] | None = None) -> int:
    """hb_takeover [all|foreign|local|failback]: ask the other node for resources. 0 as soon as it is asked."""
    return _request("takeover", "hb_takeover", sys.argv[1:] if argv is None else argv)


def _request(request: str, program: str, words: Sequence[str]) -> int:
    word = words[0] if words else "all"
    if len(words) > 1 or word not in WORDS:
        print(f"usage: {program} [{'|'.join(WORDS)}]", file=sys.stderr)
        return FAILED
    if request == "standby":
        print(f"Going standby [{word}].")
    try:
        answer = client.ask(f"{request} {word}")
    except (client.NotRunning, PermissionError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    if not answer["ok"]:
        print(f"{program}: {answer['error']}", file=sys.stderr)
        return FAILED
    return OK
