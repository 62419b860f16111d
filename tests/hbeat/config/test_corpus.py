"""Every file that people published is taken, or refused with line and cure, as corpus_verdicts.yaml has it.

The files themselves are not part of this repository; the test that reads them is left out where they are absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hbeat.config.authkeys import parse_authkeys
from hbeat.config.errors import ConfigError, Problem
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.haresources import parse_haresources

ROOT = Path(__file__).parents[3]
CORPUS = ROOT.parent / "shared/corpus"
KINDS = ("ha.cf", "haresources", "authkeys")
VERDICTS: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "tests/vectors/heartbeat/corpus_verdicts.yaml").read_text()
)


def judged(name: str) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Errors and warnings about one file."""
    text = (CORPUS / name).read_bytes().decode("utf-8", "surrogateescape")
    try:
        match name.partition("/")[0]:
            case "ha.cf":
                return (), parse_ha_cf(text, name, own_name=None).warnings
            case "haresources":
                assert parse_haresources(text, name, VERDICTS[name]["nodes"])
                return (), ()
            case _:
                return (), parse_authkeys(text, name, 0o600).warnings
    except ConfigError as error:
        return error.problems, ()


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is absent: published files are not read")
@pytest.mark.parametrize("name", VERDICTS)
def test_published_file_is_taken_or_refused_in_its_lines_with_the_cure(name):
    errors, warnings = judged(name)
    assert [problem.line for problem in errors] == VERDICTS[name]["refused"]
    assert [problem.line for problem in warnings] == VERDICTS[name]["warnings"]
    assert all(problem.what and problem.cure for problem in (*errors, *warnings))


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is absent: published files are not read")
def test_every_published_file_has_a_verdict():
    there = {str(path.relative_to(CORPUS)) for kind in KINDS for path in (CORPUS / kind).rglob("*") if path.is_file()}
    assert there == set(VERDICTS)


def test_most_published_files_are_taken():
    kinds = Counter(name.partition("/")[0] for name in VERDICTS)
    refused = Counter(name.partition("/")[0] for name, verdict in VERDICTS.items() if verdict["refused"])
    assert kinds == {"ha.cf": 17, "haresources": 18, "authkeys": 3}
    assert refused == {"ha.cf": 4, "haresources": 3, "authkeys": 1}
