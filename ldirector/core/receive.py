"""`receive`: the pattern an answer must match.

Perl syntax over bytes, as in the original (core/perl_pattern.py): the search runs over the whole body, `^` and `$`
stand at its ends only, and `$` tolerates a final newline. A pattern that does not compile is refused when the file is
read (there it ended the old daemon at the first check), and matching has a time limit, so that a pattern that explodes
on some body costs one check and not the daemon.

The limit is processor time of this process, as the regex library counts it: a machine that is busy with other things
does not make a pattern slower. The library looks at it between steps, and a step over one long line is not short: on
256 KiB without a line end (the usual limit of a body) `(?:a(?!.*z))+b`, `(?:a(?=a*z))+` and `(?s)(?:.(?=.*z))+` take
12 to 15 ms a step and were over after 31, 39 and 38 ms with the limit of 30 (with 40: 47, 51 and 49); nested
quantifiers overran it by 0.2 ms.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from http import HTTPStatus

import regex

from ldirector.core.events import CheckSpec
from ldirector.core.pattern_error import PatternError as PatternError
from ldirector.core.pattern_error import from_library
from ldirector.core.perl_pattern import translated
from ldirector.core.verdict import Outcome, Reason, Verdict

MATCH_SECONDS = 0.03
"""While one pattern is searched no other check proceeds, so it must be over within 50 ms, whatever the body. On a
good page of 256 KiB `[a-z]+ OK` needs 9 to 13 ms, and `\\w+: ok|OK$` 17 to 23."""


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> regex.Pattern[bytes]:
    """The pattern ready to search bytes. Raises PatternError."""
    rewritten = translated(pattern)
    try:
        return regex.compile(rewritten.encode("utf-8", "surrogateescape"), regex.VERSION0)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise from_library(error, rewritten != pattern) from error


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
