"""Any ha.cf, haresources and authkeys is a value or is refused with its lines, soon.

1,500 of them here, 75,000 in `make nightly`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from hbeat.config.authkeys import parse_authkeys
from hbeat.config.directives import DIRECTIVES
from hbeat.config.errors import ConfigError, Problem
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.haresources import parse_haresources
from tests.fuzz.mutations import ROOT, Mutator

CORPUS = ROOT.parent / "shared" / "corpus"
SEED_FILES = ROOT / "tests" / "vectors" / "ultramonkey"
FILES_OF_A_SEED = 250
EVERY_DAY, NIGHTLY = 2, 100  # seeds
LIMIT = 0.1  # seconds of processor time
ATTEMPTS = 3
NODES = ("test1.com", "test2.com", "a", "b")

SEEDS = [pytest.param(n, marks=[] if n < EVERY_DAY else pytest.mark.nightly) for n in range(NIGHTLY)]

EVERYTHING = "".join(
    f"{name} {row.default or (row.choices or ('1',))[0]}\n" for name, row in DIRECTIVES.items()
).encode()


def read(kind: str, text: bytes) -> Sequence[Problem]:
    """Errors, or else warnings."""
    decoded = text.decode("utf-8", "surrogateescape")
    try:
        match kind:
            case "ha.cf":
                return parse_ha_cf(decoded, kind, own_name="test1.com").warnings
            case "haresources":
                parse_haresources(decoded, kind, NODES)
                return ()
            case _:
                return parse_authkeys(decoded, kind, 0o600).warnings
    except ConfigError as error:
        return error.problems


@pytest.mark.parametrize("kind", ["ha.cf", "haresources", "authkeys"])
@pytest.mark.parametrize("seed", SEEDS)
def test_any_file_is_taken_or_refused_with_its_lines_within_100_ms(kind, seed, tmp_path):
    paths = [*SEED_FILES.glob(f"*/{kind}"), ROOT / "etc/ha.d" / kind, *(CORPUS / kind).glob("**/*.cf")]
    good = [path.read_bytes() for path in sorted(paths)] + ([EVERYTHING] if kind == "ha.cf" else [])
    mutator = Mutator(Random(f"{kind} {seed}"), good, tmp_path / "canary")
    for _ in range(FILES_OF_A_SEED):
        text = mutator.file()
        for problem in soon(kind, text):
            assert problem.what
            assert problem.cure
            assert "\n" not in str(problem)
            assert 0 <= problem.line <= text.count(b"\n") + 1


def soon(kind: str, text: bytes) -> Sequence[Problem]:
    spent = []
    for _ in range(ATTEMPTS):
        started = time.process_time()
        problems = read(kind, text)
        spent.append(time.process_time() - started)
        if spent[-1] < LIMIT:
            return problems
    pytest.fail(f"{spent} s for {len(text)} bytes: {text[:2000]!r}")


def test_good_files_are_taken():
    """Negative control: what is mutated is not refused from the first."""
    for kind in ("ha.cf", "haresources", "authkeys"):
        text = Path(SEED_FILES / "test1.com" / kind).read_bytes()
        assert all(problem.severity.value == "warning" for problem in read(kind, text))
