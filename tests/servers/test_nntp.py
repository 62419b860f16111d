"""service=nntp against leafnode, which xinetd starts for each connection, as it is run in life.

Its configuration and its spool are at fixed places: they are replaced in a mount namespace that ends with the server.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs("leafnode", "xinetd", "unshare"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a mount namespace"),
]

XINETD = """
service nntp
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    port = {port}
    wait = no
    user = news
    server = /usr/sbin/leafnode
    bind = 127.0.0.1
}}
"""
IN_NAMESPACE = 'mount --bind $0/etc /etc/news/leafnode && mount --bind $0/spool /var/spool/news && exec "$@"'


@contextlib.contextmanager
def leafnode(config: str) -> Iterator[int]:
    """The port of a news server with this configuration."""
    with open_folder() as folder:
        port = free_port()
        (folder / "etc").mkdir()
        (folder / "etc" / "config").write_text(config)
        make_spool(folder / "spool")
        (folder / "xinetd.conf").write_text(XINETD.format(port=port))
        command = ["xinetd", "-dontfork", "-f", str(folder / "xinetd.conf"), "-pidfile", str(folder / "pid")]
        in_namespace = ["unshare", "--mount", "sh", "-c", IN_NAMESPACE, str(folder), *command]
        with running(in_namespace, folder, lambda: listens(port)):
            yield port


def make_spool(spool: Path) -> None:
    for name in ("failed.postings", "interesting.groups", "leaf.node", "message.id", "out.going", "temp.files"):
        (spool / name).mkdir(parents=True)
    for path in (spool, *spool.iterdir()):
        shutil.chown(path, "news", "news")


@pytest.fixture(scope="module")
def news() -> Iterator[int]:
    with leafnode("server = localhost\nexpire = 20\nhostname = news.cluster.internal\n") as port:
        yield port


@pytest.fixture(scope="module")
def misconfigured() -> Iterator[int]:
    """leafnode refuses to work under a host name that has no domain."""
    with leafnode("server = localhost\nexpire = 20\nhostname = localhost\n") as port:
        yield port


def judged(port: int, service: str = "nntp", timeout: float = 10.0) -> Verdict:
    return verdict_of("negotiate", port, timeout, service)


def test_a_news_server_is_up(news: int) -> None:
    assert judged(news) == Verdict(Outcome.PASS, Reason.OK)


def test_a_news_server_that_refuses_is_down_with_its_words(misconfigured: int) -> None:
    verdict = judged(misconfigured)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert verdict.detail.startswith("greeting: '503 ")


@pytest.mark.parametrize("service", ["pop", "imap", "ftp"])
def test_a_news_server_is_none_of_the_others(news: int, service: str) -> None:
    assert judged(news, service).outcome is Outcome.FAIL


def test_nothing_that_listens_is_refused() -> None:
    assert judged(free_port()) == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)


def test_a_server_that_hangs_is_a_read_timeout() -> None:
    with hanging() as port:
        assert judged(port, timeout=0.3) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)
