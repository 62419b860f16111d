"""service=mysql against MariaDB."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs("mariadbd", "mariadb-install-db"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: MariaDB runs as its own user"),
]

SETUP = """
CREATE DATABASE shop;
CREATE TABLE shop.empty (n INT);
CREATE TABLE shop.three (n INT);
INSERT INTO shop.three VALUES (1), (2), (3);
CREATE TABLE shop.wide (t LONGTEXT);
INSERT INTO shop.wide VALUES (REPEAT('x', 1000000));
CREATE USER 'checker'@'127.0.0.1' IDENTIFIED BY 'päss''word';
GRANT ALL ON shop.* TO 'checker'@'127.0.0.1';
CREATE USER 'newer'@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('right');
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    with open_folder() as folder:
        data = folder / "data"
        data.mkdir()
        shutil.chown(data, "mysql", "mysql")
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-test-db"]
        subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
        (folder / "setup.sql").write_text(SETUP)
        command = [
            *("mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={data}/socket", f"--pid-file={data}/pid"),
            *("--user=mysql", "--bind-address=127.0.0.1", f"--port={port}", f"--init-file={folder}/setup.sql"),
            *("--skip-name-resolve", "--plugin-load-add=auth_ed25519", "--innodb-buffer-pool-size=8M"),
        ]
        with running(command, folder, lambda: listens(port)):
            yield port


def asked(port: int, request: str = "SELECT n FROM three", **more: Any) -> Verdict:
    given = {"login": "checker", "passwd": "päss'word", "database": "shop", "request": request, **more}
    return verdict_of("negotiate", port, service="mysql", **given)


def test_a_query_with_a_row_is_up(port: int) -> None:
    for request in ("SELECT n FROM three", "SELECT n FROM three;", "SHOW TABLES", "SELECT '100%'"):
        assert asked(port, request).outcome is Outcome.PASS
    assert asked(port, "SELECT 1", database="").outcome is Outcome.PASS


def test_a_million_rows_are_not_read(port: int) -> None:
    digits = " UNION ALL ".join(f"SELECT {n}" for n in range(10))
    tables = ", ".join(f"({digits}) AS t{n}" for n in range(6))
    assert asked(port, f"SELECT * FROM {tables}").outcome is Outcome.PASS


def test_a_query_without_a_row_is_down(port: int) -> None:
    for request in ("SELECT n FROM empty", "SELECT n FROM three WHERE n = 4", "DO 1"):
        verdict = asked(port, request)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.NOT_FOUND)


def test_a_first_row_of_a_megabyte_is_too_large(port: int) -> None:
    assert asked(port, "SELECT t FROM wide").reason is Reason.TOO_LARGE


def test_nothing_can_be_written(port: int) -> None:
    verdict = asked(port, "INSERT INTO empty VALUES (1)")
    assert (verdict.reason, verdict.detail[:4]) == (Reason.REFUSED, "1792")
    assert asked(port, "SELECT n FROM empty").reason is Reason.NOT_FOUND


def test_what_the_server_refuses_is_said(port: int) -> None:
    for more, number in (
        ({"passwd": "wrong"}, "1045"),
        ({"login": "nobody"}, "1045"),
        ({"database": "nowhere"}, "1044"),
        ({"request": "SELECT n FROM nowhere"}, "1146"),
        ({"request": "nonsense"}, "1064"),
    ):
        verdict = asked(port, **more)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
        assert verdict.detail.startswith(f"{number} ")
        assert len(verdict.detail) <= 120


def test_a_slow_query_ends_at_the_deadline(port: int) -> None:
    assert asked(port, "SELECT SLEEP(20)", timeout=0.4).reason is Reason.READ_TIMEOUT


def test_a_healthy_server_sees_no_broken_connections(port: int) -> None:
    for _ in range(3):
        assert asked(port).outcome is Outcome.PASS
    count = "SELECT 1 FROM information_schema.global_status WHERE variable_name = '{}' AND variable_value {}"
    assert asked(port, count.format("ABORTED_CONNECTS", ">= 0")).outcome is Outcome.PASS
    before = clients(port)
    for _ in range(3):
        asked(port)
    assert clients(port) == before


def clients(port: int) -> int:
    """How many connections ended without a proper goodbye."""
    where = "FROM information_schema.global_status WHERE variable_name = 'ABORTED_CLIENTS' AND variable_value = {}"
    return next(n for n in range(1000) if asked(port, f"SELECT 1 {where.format(n)}").outcome is Outcome.PASS)


def test_a_port_where_nobody_listens_is_refused_and_a_silent_one_times_out() -> None:
    assert asked(free_port()).reason is Reason.CONNECT_REFUSED
    with hanging() as silent:
        assert asked(silent, timeout=0.3).reason is Reason.READ_TIMEOUT
