"""service=https: the http check over TLS. Which certificates are accepted: see tls.py."""

from __future__ import annotations

from ldirector.checks import http, tls
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Verdict


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    return await http.check(spec, deadline, tls.context(spec.tls))
