import pytest

from ldirector.adapters.names import SystemNames

names = SystemNames()


def test_host_gives_one_address_of_the_family_or_none() -> None:
    assert names.host("localhost", 4) == "127.0.0.1"
    assert names.host("192.168.2.236", 4) == "192.168.2.236"
    assert names.host("FD00::0A", 6) == "fd00::a"
    assert names.host("192.168.2.236", 6) is None
    assert names.host("no-such-host.invalid", 4) is None


@pytest.mark.parametrize("name", ["a..b", "a" * 64, "."])
def test_name_that_can_be_no_name_has_no_address(name: str) -> None:
    assert names.host(name, 4) is None


def test_service_gives_a_port_or_none() -> None:
    assert names.service("http", "tcp") == 80
    assert names.service("domain", "udp") == 53
    assert names.service("https", "") == 443
    assert names.service("no-such-service", "tcp") is None
