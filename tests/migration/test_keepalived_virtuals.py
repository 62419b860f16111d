"""ldirectord.cf -> virtual_server blocks: every mapping, and the notes with their lines."""

from __future__ import annotations

import pytest

from ldirector.config.ldirectord_cf import parse
from migration.keepalived_virtuals import quoted, virtual_servers
from tests.ldirector.world import FakeNames

FILE = "/etc/ha.d/ldirectord.cf"


def translated(text: str) -> tuple[str, list[str]]:
    lines, notes = virtual_servers(parse(text, FILE, FakeNames()), text)
    return "\n".join(lines) + "\n", notes


def virtual(*settings: str, address: str = "10.1.1.10:80", real: str = "192.168.2.236:80 masq", top: str = "") -> str:
    body = "".join(f"\t{setting}\n" for setting in settings)
    return f"{top}virtual={address}\n\treal={real}\n{body}"


def test_a_checked_web_server_becomes_what_a_person_would_write() -> None:
    lines, notes = translated(
        virtual(
            *('request="index.html"', 'receive="ok"', "scheduler=wlc", "virtualhost=www.example.com", "failurecount=3"),
            top="checkinterval=5\nnegotiatetimeout=2\nquiescent=yes\n",
            real="192.168.2.236:8080 masq 7",
        )
    )
    assert notes == []
    assert (
        lines
        == """\
virtual_server 10.1.1.10 80 {
 delay_loop 5
 lvs_sched wlc
 lvs_method NAT
 protocol TCP
 real_server 192.168.2.236 8080 {
  weight 7
  lvs_method NAT
  inhibit_on_failure
  HTTP_GET {
   url {
    path "/index.html"
    status_code 200-299
    virtualhost "www.example.com"
    regex "ok"
   }
   connect_timeout 2
   retry 2
   delay_before_retry 5
  }
 }
}
"""
    )


@pytest.mark.parametrize(
    ("text", "there", "absent"),
    [
        (virtual(), ["retry 0"], ["regex", "inhibit_on_failure", "persistence", "sorry_server", "delay_before_retry"]),
        (virtual(address="10.1.1.10:443", real="192.168.2.236:443 gate"), ["SSL_GET {", "lvs_method DR"], ["HTTP_GET"]),
        (virtual(real="192.168.2.236:80 ipip"), ["lvs_method TUN"], ["NAT"]),
        (virtual("checktype=connect"), ["TCP_CHECK {", "connect_timeout 5"], ["HTTP_GET"]),
        (virtual("checktype=connect", "checkport=8000"), ["connect_port 8000"], ["connect_ip"]),
        (virtual("checktype=ping"), ["PING_CHECK {"], ["TCP_CHECK", "connect_port"]),
        (virtual("checktype=on"), ["weight 1"], ["CHECK", "GET"]),
        (virtual("checktype=off"), ["weight 0"], ["CHECK", "GET"]),
        (virtual('request="http://other.example.com:8080/x"'), ["connect_ip other.example.com", 'path "/x"'], []),
        (virtual('request="/a?b=!c&$d%20"'), ['path "/a?b=%21c&%24d%20"'], []),
        (virtual("persistent=600"), ["persistence_timeout 600"], ["persistence_granularity"]),
        (virtual("persistent=6", "netmask=255.255.255.0"), ["persistence_granularity 255.255.255.0"], []),
        (virtual("scheduler=sh", "schedflags=sh-port"), ["lvs_sched sh", " sh-port"], []),
        (virtual("fallback=127.0.0.1:80 gate"), ["sorry_server 127.0.0.1 80", "sorry_server_lvs_method DR"], []),
        (virtual(real="192.168.2.236:80 masq 1 l:2 u:9"), ["uthreshold 9", "lthreshold 2"], []),
        (
            virtual("checktype=connect", address="1", real="192.168.2.236 gate"),
            ["virtual_server fwmark 1 {"],
            ["protocol"],
        ),
        (virtual("checktype=ping", "protocol=udp", address="10.1.1.10:53"), [" protocol UDP"], []),
        (virtual("checktype=ping", "protocol=udp", "ops=yes", address="10.1.1.10:53"), [" ops"], []),
    ],
)
def test_each_setting_is_said_in_keepaliveds_words(text: str, there: list[str], absent: list[str]) -> None:
    lines, _ = translated(text)
    assert [word for word in there if word not in lines] == []
    assert [word for word in absent if word in lines] == []


def test_ipv6_stands_without_brackets() -> None:
    lines, _ = translated("virtual6=[fd00::10]:80\n\treal6=[fd00::1]:80 masq\n")
    assert "virtual_server fd00::10 80 {" in lines
    assert "real_server fd00::1 80 {" in lines


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (virtual("service=smtp"), "3: virtual 10.1.1.10:80: the check of service smtp became a TCP_CHECK"),
        (virtual("checktype=external", "checkcommand=/bin/x"), "3: virtual 10.1.1.10:80: the external check became"),
        (virtual("checktype=3"), "3: virtual 10.1.1.10:80: checktype=3: keepalived has no turns"),
        (virtual("httpmethod=HEAD"), "3: virtual 10.1.1.10:80: httpmethod=HEAD: keepalived asks by GET"),
        (virtual("scheduler=odd"), "3: virtual 10.1.1.10:80: keepalived does not know the scheduler odd"),
        (virtual("emailalert=root@localhost"), "3: emailalert: no mail is sent"),
        (virtual(top='callback="/bin/x"\n'), "1: callback: not called"),
        (virtual(top="emailalert=root@localhost\n"), "1: emailalert: no mail is sent"),
        (virtual("fallbackcommand=/bin/x"), "3: fallbackcommand: not run"),
        (virtual("monitorfile=/tmp/m"), "3: monitorfile: not written"),
        (virtual(top="autoreload=yes\n"), "1: autoreload: keepalived reads its file again at SIGHUP only"),
        (virtual("quiescent=yes", "fallback=127.0.0.1:80"), "4: virtual 10.1.1.10:80: keepalived takes all reals out"),
        (virtual("checktype=connect", address="1"), "1: virtual 1: behind a mark keepalived's servers have no port"),
        (
            virtual("service=dns", 'request="www.example.com"', 'receive="1"', "protocol=udp", address="10.1.1.10:53"),
            "1: virtual 10.1.1.10:53: the check of service dns has no counterpart: the reals are not checked",
        ),
        ("virtual=10.1.1.10:80\n\tservice=http\n", "1: virtual 10.1.1.10:80: keepalived ignores a virtual server"),
    ],
)
def test_what_has_no_counterpart_is_told_with_file_and_line(text: str, note: str) -> None:
    _, notes = translated(text)
    assert any(told.startswith(f"{FILE}:{note}") for told in notes), notes


def test_nothing_in_a_quoted_text_means_anything_to_keepalived() -> None:
    assert quoted('^a b+(c|d)$ \\d "q" #!') == '"^a b+(c|d)\\044 \\134d \\042q\\042 \\043\\041"'
