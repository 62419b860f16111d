"""The manual page tells of every option and fault, and man can read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from migration.cli import main
from migration.comparison.faults import faults
from migration.story import STEPS

PAGE = Path(__file__).parents[2] / "man/hbeat-migrate.8"
TEXT = PAGE.read_text().replace("\\-", "-")


def test_every_option_of_rehearse_is_there(capsys):
    with pytest.raises(SystemExit):
        main(["rehearse", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert options >= {"--against", "--faults", "--steps"}
    assert [option for option in sorted(options) if option not in TEXT] == []


def test_every_fault_and_step_is_there():
    assert [name for name in (*faults({}), *STEPS) if name not in TEXT] == []


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_man_reads_it_without_a_warning():
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(PAGE)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
