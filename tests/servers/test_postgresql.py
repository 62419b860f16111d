"""service=pgsql against PostgreSQL, with every kind of login."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.servers.daemon import eventually, free_port, hanging, listens, needs, open_folder, running, verdict_of

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nonexistent"))

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs(str(PROGRAMS / "postgres")),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: PostgreSQL runs as its own user"),
]

SETUP = """
CREATE DATABASE shop;
SET password_encryption = 'scram-sha-256';
CREATE ROLE checker LOGIN PASSWORD 'päss''word Ⅸ';
CREATE ROLE overtls LOGIN PASSWORD 'right';
SET password_encryption = 'md5';
CREATE ROLE older LOGIN PASSWORD 'right';
CREATE ROLE plain LOGIN PASSWORD 'right';
CREATE ROLE trusted LOGIN;
CREATE ROLE outsider LOGIN;
\\c shop
CREATE TABLE none (n INT);
CREATE TABLE three AS SELECT generate_series(1, 3) AS n;
CREATE TABLE wide AS SELECT repeat(md5(random()::text), 100000) AS t;
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
"""

HOSTS = """
local all postgres trust
hostssl all overtls 127.0.0.1/32 scram-sha-256
hostnossl all overtls 127.0.0.1/32 reject
host all older 127.0.0.1/32 md5
host all plain 127.0.0.1/32 password
host all trusted 127.0.0.1/32 trust
host all outsider 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Server:
    port: int
    log: Path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    port = free_port()
    with open_folder() as folder:
        data = folder / "data"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        as_postgres: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": data}
        made = [str(PROGRAMS / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"]
        subprocess.run(made, check=True, capture_output=True, **as_postgres)
        (data / "pg_hba.conf").write_text(HOSTS)
        shutil.copy(Authority().certificate("127.0.0.1"), data / "server.pem")
        shutil.chown(data / "server.pem", "postgres", "postgres")
        (data / "server.pem").chmod(0o600)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": data,
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": "server.pem",
            "ssl_key_file": "server.pem",
            "shared_buffers": "8MB",
        }
        command = [str(PROGRAMS / "postgres"), "-D", str(data)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with running(command, folder, lambda: listens(port), **as_postgres):
            psql = [str(PROGRAMS / "psql"), "-h", str(data), "-p", str(port), "-v", "ON_ERROR_STOP=1", "-q"]
            subprocess.run(psql, input=SETUP.encode(), check=True, timeout=60, **as_postgres)
            yield Server(port, folder / "output")


def asked(server: Server, request: str = "SELECT n FROM three", **more: Any) -> Verdict:
    given = {"login": "checker", "passwd": "päss'word Ⅸ", "database": "shop", "request": request, **more}
    return verdict_of("negotiate", server.port, service="pgsql", **given)


def test_a_query_with_a_row_is_up(server: Server) -> None:
    for request in ("SELECT n FROM three", "SELECT n FROM three;", "SHOW server_version", "VALUES ('100%s', '$1')"):
        assert asked(server, request).outcome is Outcome.PASS
    assert asked(server, "SELECT 1", login="trusted", database="postgres").outcome is Outcome.PASS


@pytest.mark.parametrize("login", ["older", "plain", "overtls"])
def test_every_kind_of_login_is_made_and_refused(server: Server, login: str) -> None:
    assert asked(server, login=login, passwd="right").outcome is Outcome.PASS
    verdict = asked(server, login=login, passwd="wrong")
    assert (verdict.reason, verdict.detail[:5]) == (Reason.REFUSED, "28P01")


def test_huge_results_are_not_read(server: Server) -> None:
    assert asked(server, "SELECT generate_series(1, 100000000)").outcome is Outcome.PASS
    assert asked(server, "SELECT t FROM wide").outcome is Outcome.PASS


def test_a_query_without_a_row_is_down(server: Server) -> None:
    for request in ("SELECT n FROM none", "SELECT n FROM three WHERE n = 4", "SET search_path = public", ""):
        verdict = asked(server, request)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.NOT_FOUND)


def test_nothing_can_be_written(server: Server) -> None:
    for request in ("INSERT INTO none VALUES (1) RETURNING n", "DROP TABLE three", "CREATE TABLE more (n INT)"):
        verdict = asked(server, request)
        assert (verdict.reason, verdict.detail[:5]) == (Reason.REFUSED, "25006")
    assert asked(server, "SELECT n FROM none").reason is Reason.NOT_FOUND


def test_what_the_server_refuses_is_said(server: Server) -> None:
    for more, code in (
        ({"passwd": "wrong"}, "28P01"),
        ({"login": "nobody"}, "28P01"),
        ({"login": "outsider"}, "28000"),
        ({"database": "nowhere"}, "3D000"),
        ({"request": "SELECT n FROM nowhere"}, "42P01"),
        ({"request": "nonsense"}, "42601"),
        ({"request": "SELECT 1; SELECT 2"}, "42601"),
    ):
        verdict = asked(server, **more)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
        assert verdict.detail.startswith(f"{code} ")
        assert len(verdict.detail) <= 120


def test_copy_is_no_query(server: Server) -> None:
    assert asked(server, "COPY three TO STDOUT").reason is Reason.BAD_ANSWER


def test_a_slow_query_ends_at_the_deadline(server: Server) -> None:
    assert asked(server, "SELECT pg_sleep(3)", timeout=0.4).reason is Reason.READ_TIMEOUT


def test_a_healthy_server_has_nothing_to_complain_about(server: Server) -> None:
    def backends() -> bool:
        ours = "application_name = 'ldirector' AND wait_event IS DISTINCT FROM 'PgSleep'"  # of the test above
        alone = f"SELECT 1 WHERE (SELECT count(*) FROM pg_stat_activity WHERE {ours}) = 1"
        return asked(server, alone).outcome is Outcome.PASS

    assert eventually(backends)
    before = server.log.stat().st_size
    for _ in range(3):
        assert asked(server).outcome is Outcome.PASS
    assert eventually(backends)
    assert server.log.read_bytes()[before:] == b""


def test_a_port_where_nobody_listens_is_refused_and_a_silent_one_times_out() -> None:
    assert asked(Server(free_port(), Path())).reason is Reason.CONNECT_REFUSED
    with hanging() as silent:
        assert asked(Server(silent, Path()), timeout=0.3).reason is Reason.READ_TIMEOUT
