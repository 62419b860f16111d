"""The lab's client has a realtime priority: where nobody answers, it waits and takes no processor from the nodes."""

from __future__ import annotations

import resource
import select
from contextlib import closing
from pathlib import Path

import pytest

from migration.client import TIME_LIMIT, Client, Outcome, Request
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch

pytestmark = [pytest.mark.root, pytest.mark.system]
SHARE = 0.25
"""Of one processor; a client that waits has a tenth of that."""


def test_client_waits_where_a_router_says_that_there_is_no_way(host: NetworkNamespace) -> None:
    with closing(NetworkNamespace.create()) as router:
        ip_batch(host, [f"link set far0 netns {router.path}", "route replace 10.9.9.9 via 10.1.1.1"])
        ip_batch(router, ["address add 10.1.1.1/24 dev far0", "link set far0 up", "route add unreachable 10.9.9.9"])
        with router.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        with closing(Client(host, "10.9.9.9", 80, "/")) as client:
            requests: list[Request] = []
            while not requests:
                select.select([client.fd], [], [])
                requests += client.read()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert requests[0].outcome is Outcome.TIMEOUT
    used = ended.ru_utime - began.ru_utime + ended.ru_stime - began.ru_stime
    assert used < SHARE * TIME_LIMIT
