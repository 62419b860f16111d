"""What `hb_standby` and `hb_takeover` (programs/, reference section 11.5) come to: `hbeat order`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hbeat import client

OK, FAILED, USAGE = 0, 1, 2


def main(words: Sequence[str]) -> int:
    """words: the order, and its number if the daemon was told it already. 0 as soon as it is begun."""
    if len(words) not in (2, 3):
        print("usage: hb_standby | hb_takeover [all|foreign|local|failback]", file=sys.stderr)
        return USAGE
    verb, word, *numbers = words
    request = f"outcome {numbers[0]}" if numbers else f"{verb} {word}"
    try:
        answer = client.ask(request)
    except (client.NotRunning, PermissionError) as error:
        answer = {"ok": False, "error": str(error)}
    if not answer["ok"]:
        print(f"hb_{verb}: {answer['error']}", file=sys.stderr)
        return FAILED
    return OK
