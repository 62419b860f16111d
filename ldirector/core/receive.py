"""`receive`: the pattern an answer must match.

Perl syntax over bytes, as in the original: the search runs over the whole body, `^` and `$` stand at its ends only,
and `$` tolerates a final newline. A pattern that does not compile is refused when the file is read (there it ended
the old daemon at the first check), and matching has a time limit, so that a pattern that explodes on some body
costs one check and not the daemon.

The limit is processor time of this process, as the regex library counts it: a machine that is busy with other things
does not make a pattern slower. The library looks at it often enough: nested quantifiers overran it by 1.5 ms at most
on half a megabyte; a row of `.*` by up to 30 ms, because one `.*` over a long line is a single step for it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from http import HTTPStatus

import regex

from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict

MATCH_SECONDS = 0.03
"""While one pattern is searched no other check proceeds, so it must be over within 50 ms, whatever the body. Sane
patterns need 0.2 to 10 ms for a body of 512 KiB (the usual limit), and one that begins with a class of characters, as
`[a-z]+: ok`, up to 30."""


class PatternError(ValueError):
    """The pattern does not compile; str() says why and where."""


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> regex.Pattern[bytes]:
    """The pattern ready to search bytes. Raises PatternError."""
    try:
        return regex.compile(pattern.encode("utf-8", "surrogateescape"))
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from error


def judge_body(pattern: str, body: bytes | bytearray, seconds: float = MATCH_SECONDS) -> Verdict:
    """PASS when the pattern is empty or found in the body; the start of a body that failed goes into the detail."""
    if not pattern:
        return Verdict(Outcome.PASS, Reason.OK)
    try:
        found = compiled(pattern).search(body, timeout=seconds)
    except TimeoutError:
        return Verdict(Outcome.FAIL, Reason.PATTERN_TIMEOUT, f"over {seconds * 1000:g} ms")
    if found:
        return Verdict(Outcome.PASS, Reason.OK)
    return Verdict(Outcome.FAIL, Reason.RECEIVE_MISMATCH, f"body starts {bytes(body[:40])!r}" if body else "empty body")


def judge_http(spec: CheckSpec, status: int, body: bytes | bytearray) -> Verdict:
    """The verdict on a complete HTTP answer: an accepted final status, the digest if one is asked for, and receive."""
    if not any(first <= status <= last for first, last in spec.http.statuses):
        return Verdict(Outcome.FAIL, Reason.WRONG_STATUS, str(status))
    if spec.http.digest and (found := hashlib.sha256(body).hexdigest()) != spec.http.digest:
        return Verdict(Outcome.FAIL, Reason.WRONG_DIGEST, f"sha256 {found}")
    verdict = judge_body(spec.receive, body)
    return Verdict(Outcome.PASS, verdict.reason, status_words(status)) if verdict.outcome is Outcome.PASS else verdict


@lru_cache(maxsize=1024)
def status_words(status: int) -> str:
    """`200 OK`, in the words of RFC 9110 and not in the server's; the number alone where there are none."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
