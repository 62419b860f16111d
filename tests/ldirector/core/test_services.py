from __future__ import annotations

import pytest

from ldirector.core.services import SERVICES, TLS_SERVICES, default_service


def test_service_is_taken_from_the_virtuals_port() -> None:
    assert [default_service(port) for port in (80, 443, 53, 8080, 0)] == ["http", "https", "dns", "none", "none"]


def test_every_service_has_a_port_of_its_own_but_two() -> None:
    ports = [row.port for row in SERVICES.values() if row.port]
    assert len(set(ports)) == len(ports)
    assert {row.name for row in SERVICES.values() if not row.port} == {"none", "simpletcp"}


@pytest.mark.parametrize("row", SERVICES.values(), ids=lambda row: row.name)
def test_a_service_uses_what_it_needs(row) -> None:  # type: ignore[no-untyped-def]
    assert set(row.needs) <= set(row.uses)


def test_tls_services_are_services() -> None:
    assert set(TLS_SERVICES) <= set(SERVICES)
