"""Who the director tells: fallback commands, mails, the monitor file; time is a number."""

from __future__ import annotations

from dataclasses import replace

from ldirector.core.director import Director
from ldirector.core.events import (
    Command,
    Effect,
    Mail,
    MonitorLine,
    StartCheck,
)
from ldirector.core.model import (
    RealKey,
    Role,
)
from ldirector.core.verdict import Verdict
from tests.ldirector.core.build import FALLBACK, VIP, Config, real, virtual
from tests.ldirector.core.machine import GOOD, OTHER, REFUSED, WEB1, WEB2, table_with


def words_of(effects: list[Effect]) -> list[str]:
    return [" ".join(effect.argv) for effect in effects if isinstance(effect, Command)]


WITH_COMMAND = virtual(real(1), real(2), fallback=FALLBACK, fallbackcommand="/bin/fb own")


def test_fallbackcommand_follows_the_fallback_and_every_start_gets_its_stop() -> None:
    director = Director(Config((WITH_COMMAND,)))
    said = words_of(director.start({}, 0.0))
    said += ["first up", *words_of(answered(director, GOOD, 1.0))]
    said += ["both down", *words_of(answered(director, REFUSED, 10.0))]
    said += ["stop", *words_of(director.stop(11.0))]
    start, stop = (f"/bin/fb own {verb} 10.1.1.10:80 tcp" for verb in ("start", "stop"))
    assert said == [start, "first up", stop, "both down", start, "stop", stop]


def test_fallbackcommand_is_quiet_on_a_standby_and_speaks_with_the_role() -> None:
    director = Director(Config((WITH_COMMAND,)), Role.STANDBY)
    assert words_of(director.start({}, 0.0)) == []
    assert words_of(director.set_role(Role.ACTIVE, {}, 1.0)) == ["/bin/fb own start 10.1.1.10:80 tcp"]
    assert words_of(director.set_role(Role.STANDBY, {}, 2.0)) == ["/bin/fb own stop 10.1.1.10:80 tcp"]


def answered(director: Director, verdict: Verdict, now: float) -> list[Effect]:
    """Make every check that is due and end it with this verdict."""
    effects = director.handle_timer(now)
    for effect in list(effects):
        if isinstance(effect, StartCheck):
            effects += director.finished(effect.check_id, verdict, now)
    return effects


def mails_in(effects: list[Effect]) -> list[Mail]:
    return [effect for effect in effects if isinstance(effect, Mail)]


def test_mail_tells_of_a_server_that_fell_and_says_what_the_daemon_was_doing() -> None:
    director = Director(Config((virtual(real(1), emailalert="a@example.test", quiescent=True),)), host="lvs1")
    director.start({}, 0.0)
    answered(director, GOOD, 0.5)
    mails = mails_in(answered(director, GOOD, 9.0))
    assert [(mail.subject, "Daemon-Status: starting" in mail.body) for mail in mails] == [
        ("Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 1)", True)
    ]
    answered(director, REFUSED, 20.0)
    (mail,) = mails_in(answered(director, REFUSED, 29.0))
    assert mail.subject == "Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)"
    assert mail.sender == "ldirectord@lvs1"
    assert "Daemon-Status: running" in mail.body


def mailed(director: Director, verdict: Verdict, now: float) -> list[str]:
    """The log messages of the mails that are due, without their reasons; checks that are due get this verdict."""
    lines = [line for mail in mails_in(answered(director, verdict, now)) for line in mail.body.splitlines()]
    return [": ".join(line.split(": ")[1:3]) for line in lines if line.startswith("Log-Message: ")]


def test_mail_tells_of_servers_that_left_the_file_if_they_were_in_the_table() -> None:
    """As observed with ldirectord 4.12: of those that were down, too; of none whose virtual left as a whole."""
    several = virtual(real(1), real(2), emailalert="a@example.test", quiescent=True)
    gone = replace(several, key=OTHER)
    director = Director(Config((several, gone)))
    table = table_with((WEB1, 1), (WEB2, 0))
    director.start(table | {OTHER: table[VIP]}, 0.0)
    answered(director, GOOD, 9.0)
    answered(director, GOOD, 99.0)
    director.reload(Config((replace(several, reals=(real(3),)),)), table | {OTHER: table[VIP]}, 100.0)
    assert mailed(director, REFUSED, 200.0) == [
        "Purged real server (reload): 192.168.2.1:80 (10.1.1.10:80)",
        "Purged real server (reload): 192.168.2.2:80 (10.1.1.10:80)",
    ]


def test_mail_tells_of_no_server_that_left_the_file_and_was_absent() -> None:
    both = virtual(real(1), real(2), emailalert="a@example.test", quiescent=False)
    director = Director(Config((both,)))
    director.start({}, 0.0)
    answered(director, REFUSED, 9.0)
    answered(director, REFUSED, 99.0)
    director.reload(Config((replace(both, reals=(real(1),)),)), table_with(), 100.0)
    assert mailed(director, REFUSED, 200.0) == []


def test_server_that_leaves_the_table_and_stays_in_the_file_is_not_called_purged() -> None:
    quiescent = virtual(real(1), real(2), fallback=FALLBACK, emailalert="a@example.test", quiescent=True)
    director = Director(Config((quiescent,)))
    director.start(table_with((WEB1, 0), (WEB2, 0), (FALLBACK.key, 1)), 0.0)
    answered(director, REFUSED, 9.0)
    answered(director, REFUSED, 99.0)
    deleting = replace(quiescent, quiescent=False)
    director.reload(Config((deleting,)), table_with((WEB1, 0), (WEB2, 0), (FALLBACK.key, 1)), 100.0)
    assert mailed(director, REFUSED, 200.0) == []


def test_mail_tells_of_strangers_that_a_start_found_in_our_virtuals() -> None:
    director = Director(Config((virtual(real(1), emailalert="a@example.test"),)))
    director.start(table_with((WEB1, 1), (RealKey("192.168.2.9", 80), 0)), 0.0)
    assert mailed(director, GOOD, 9.0) == ["Purged real server (start): 192.168.2.9:80 (10.1.1.10:80)"]


def test_mail_tells_of_the_fallback_that_comes_with_the_last_server_and_goes_with_the_first() -> None:
    director = Director(Config((virtual(real(1), fallback=FALLBACK, emailalert="a@example.test", quiescent=True),)))
    director.start({}, 0.0)
    answered(director, GOOD, 0.5)
    assert mailed(director, GOOD, 9.0) == ["Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 1)"]
    answered(director, REFUSED, 20.0)
    assert mailed(director, REFUSED, 29.0) == [
        "Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)",
        "Added fallback server: 127.0.0.1:80 (10.1.1.10:80) (Weight set to 1)",
    ]
    answered(director, GOOD, 40.0)
    assert mailed(director, GOOD, 49.0) == [
        "Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 1)",
        "Deleted fallback server: 127.0.0.1:80 (10.1.1.10:80)",
    ]


def test_mail_tells_of_the_fallback_of_a_node_that_takes_over_only() -> None:
    of = virtual(real(1), fallback=FALLBACK, emailalert="a@example.test")
    director = Director(Config((of,)), Role.STANDBY)
    director.start({}, 0.0)
    answered(director, REFUSED, 0.5)
    assert mailed(director, REFUSED, 9.0) == []
    director.set_role(Role.ACTIVE, {}, 10.0)
    assert mailed(director, REFUSED, 19.0) == ["Added fallback server: 127.0.0.1:80 (10.1.1.10:80) (Weight set to 1)"]


def test_mails_of_a_stop_are_not_lost() -> None:
    director = Director(Config((virtual(real(1), emailalert="a@example.test"),), emailalertfrom="b@example.test"))
    director.start({}, 0.0)
    answered(director, GOOD, 0.5)
    answered(director, GOOD, 9.0)
    (mail,) = mails_in(director.stop(10.0))
    assert mail.subject == "Purged real server (stop): 192.168.2.1:80 (10.1.1.10:80)"
    assert (mail.sender, "Daemon-Status: stopping" in mail.body) == ("b@example.test", True)


def test_monitorfile_gets_a_line_for_each_result_and_for_each_server_in_maintenance() -> None:
    director = Director(Config((virtual(real(1), monitorfile="/run/mon"),)))
    director.start({}, 0.0)
    lines = [effect for effect in answered(director, GOOD, 0.0) if isinstance(effect, MonitorLine)]
    lines += [effect for effect in director.maintain([(VIP, WEB1)], 1.0) if isinstance(effect, MonitorLine)]
    name = "connect tcp 192.168.2.1 80 1 masq"
    assert lines == [
        MonitorLine("/run/mon", f"{name} [up] -"),
        MonitorLine("/run/mon", f"{name} [down] Server in maintenance"),
    ]
