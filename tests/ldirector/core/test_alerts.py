from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ldirector.core.alerts import GATHER_SECONDS, Alerts, DaemonState, Happening, What, happening
from ldirector.core.events import Mail
from ldirector.core.health import State
from ldirector.core.model import Real, RealKey, Virtual, VirtualKey
from ldirector.core.transcript import Transition
from tests.ldirector.core.build import VIP, real, virtual

A, B = real(1), real(2, weight=5)
OTHER = VirtualKey("tcp", 4, "10.1.1.10", 81)
SETTINGS: dict[str, Any] = {"quiescent": True, "emailalert": "admin@example.com", "emailalertstatus": ("all",)}


def a_virtual(key: VirtualKey = VIP, reals: tuple[Real, ...] = (A, B), **more: Any) -> Virtual:
    return virtual(*reals, key=key, **{**SETTINGS, **more})


def running(*virtuals: Virtual, state: DaemonState = DaemonState.RUNNING, down: Iterable[RealKey] = ()) -> Alerts:
    """At time 0."""
    alerts = Alerts("director1")
    alerts.configure(virtuals or (a_virtual(),), "lvs@example.com", {(VIP, key) for key in down}, 0.0)
    alerts.enter(state)
    return alerts


def down(key: RealKey, virtual: VirtualKey = VIP) -> Happening:
    return Happening(virtual, key, What.QUIESCENT, 0)


def up(key: RealKey, virtual: VirtualKey = VIP) -> Happening:
    return Happening(virtual, key, What.RESTORED, 1)


def until(alerts: Alerts, end: float) -> list[tuple[float, Mail]]:
    """What is sent up to a time, when the timer is obeyed."""
    sent: list[tuple[float, Mail]] = []
    for _ in range(100):
        deadline = alerts.next_deadline()
        if deadline is None or deadline > end:
            return sent
        sent += [(deadline, mail) for mail in alerts.handle_timer(deadline)]
    raise AssertionError("it wants to be called again and again")


def subjects(sent: Iterable[tuple[float, Mail]]) -> list[tuple[float, str]]:
    return [(when, mail.subject) for when, mail in sent]


def test_one_change_is_one_mail_with_the_words_of_the_original() -> None:
    alerts = running(a_virtual(servicename="web shop", comment="call Ann", smtp="mail.example.com"))
    alerts.told([down(A.key)], 0.0)
    [(when, mail)] = until(alerts, 100)
    assert when == GATHER_SECONDS
    assert mail == Mail(
        recipients=("admin@example.com",),
        sender="lvs@example.com",
        subject="[web shop] Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)",
        body=(
            "ldirectord host: director1\n"
            "Log-Message: Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)\n"
            "Daemon-Status: running\n"
            "\n"
            "Service name: web shop\n"
            "Comment: call Ann\n"
        ),
        smtp="mail.example.com",
    )


def test_body_without_service_name_and_comment_ends_with_the_status() -> None:
    alerts = running()
    alerts.told([down(A.key)], 0.0)
    [(_, mail)] = until(alerts, 100)
    assert mail.subject.startswith("Quiescent")
    assert mail.body.endswith("\nDaemon-Status: running\n")


@pytest.mark.parametrize(
    ("before", "after", "quiescent", "words"),
    [
        (State.DOWN, State.UP, True, "Restored real server: 192.168.2.2:80 (10.1.1.10:80) (Weight set to 5)"),
        (State.DOWN, State.UP, False, "Added real server: 192.168.2.2:80 (10.1.1.10:80) (Weight set to 5)"),
        (State.UP, State.DOWN, True, "Quiescent real server: 192.168.2.2:80 (10.1.1.10:80) (Weight set to 0)"),
        (State.UP, State.DOWN, False, "Deleted real server: 192.168.2.2:80 (10.1.1.10:80)"),
    ],
)
def test_change_of_health_has_the_words_of_the_log(before: State, after: State, quiescent: bool, words: str) -> None:
    transition = Transition(VIP, B.key, before, after, "connection refused, 3 ms")
    one = happening(transition, a_virtual(quiescent=quiescent), B.weight)
    assert str(one) == words
    alerts = running()
    alerts.told([one], 0.0)
    [mail] = alerts.flush(0.0)
    assert mail.subject == words
    assert f"\nLog-Message: {words}: {before.value} -> {after.value} (connection refused, 3 ms)\n" in mail.body


def test_purge_says_its_occasion() -> None:
    assert str(Happening(VIP, A.key, What.PURGED, occasion="stop")) == (
        "Purged real server (stop): 192.168.2.1:80 (10.1.1.10:80)"
    )


def test_changes_of_one_virtual_that_come_together_share_a_mail() -> None:
    alerts = running()
    alerts.told([down(A.key)], 0.0)
    alerts.told([down(B.key)], 2.0)
    alerts.told([up(A.key)], 4.0)
    [(when, mail)] = until(alerts, 100)
    assert when == GATHER_SECONDS
    assert mail.subject == "Quiescent real servers: 2, Restored real servers: 1 (10.1.1.10:80)"
    assert [line.partition(": ")[2][:40] for line in mail.body.splitlines() if line.startswith("Log-Message")] == [
        "Quiescent real server: 192.168.2.1:80 (1",
        "Quiescent real server: 192.168.2.2:80 (1",
        "Restored real server: 192.168.2.1:80 (10",
    ]


def test_each_virtual_has_its_own_mail() -> None:
    alerts = running(a_virtual(), a_virtual(OTHER, emailalert="other@example.com"))
    alerts.told([down(A.key), down(A.key, OTHER)], 0.0)
    assert [mail.recipients for mail in alerts.flush(0.0)] == [("admin@example.com",), ("other@example.com",)]


def test_changes_in_different_states_of_the_daemon_are_not_mixed() -> None:
    alerts = running(state=DaemonState.STARTING)
    alerts.told([up(A.key)], 0.0)
    alerts.enter(DaemonState.RUNNING)
    alerts.told([down(A.key)], 1.0)
    assert [mail.body.splitlines()[2] for mail in alerts.flush(1.0)] == [
        "Daemon-Status: starting",
        "Daemon-Status: running",
    ]


@pytest.mark.parametrize("state", list(DaemonState))
def test_mail_is_sent_in_the_states_that_are_asked_for(state: DaemonState) -> None:
    def mails(*words: str, **more: Any) -> int:
        alerts = running(a_virtual(emailalertstatus=words, emailalertfreq=10, **more), state=state)
        alerts.told([down(A.key)], 0.0)
        return len(until(alerts, 16.0))

    assert mails("all") == 2, "one mail and its reminder"
    assert mails("none") == 0
    assert mails("all", emailalert="") == 0
    assert mails(state.value) == 2
    assert mails(*(other.value for other in DaemonState if other is not state)) == 0


def test_reminders_follow_every_emailalertfreq_seconds_while_the_real_is_down() -> None:
    alerts = running(a_virtual(emailalertfreq=60))
    alerts.told([down(A.key)], 0.0)
    reminder = "Inaccessible real server: 192.168.2.1:80 (10.1.1.10:80)"
    assert subjects(until(alerts, 190))[1:] == [(65.0, reminder), (125.0, reminder), (185.0, reminder)]
    alerts.told([up(A.key)], 190.0)
    assert [subject[:8] for _, subject in subjects(until(alerts, 1000))] == ["Restored"]


def test_no_reminder_without_emailalertfreq() -> None:
    alerts = running()
    alerts.told([down(A.key)], 0.0)
    assert len(until(alerts, 1e6)) == 1


def test_reminders_that_are_due_together_share_a_mail() -> None:
    alerts = running(a_virtual(emailalertfreq=60))
    alerts.told([down(A.key), down(B.key)], 0.0)
    assert subjects(until(alerts, 70))[1:] == [(65.0, "Inaccessible real servers: 2 (10.1.1.10:80)")]


def test_reminder_waits_for_a_state_in_which_mail_is_wanted() -> None:
    alerts = running(a_virtual(emailalertfreq=60, emailalertstatus=("running",)), state=DaemonState.STARTING)
    alerts.told([down(A.key)], 0.0)
    assert until(alerts, 70) == []
    alerts.enter(DaemonState.RUNNING)
    assert [when for when, _ in until(alerts, 130)] == [120.0]


def test_real_that_disappears_in_a_reload_is_forgotten_and_others_keep_their_time() -> None:
    alerts = running(a_virtual(emailalertfreq=60))
    alerts.told([down(A.key), down(B.key)], 0.0)
    assert len(until(alerts, 50)) == 1
    without_b = a_virtual(reals=(A,), emailalertfreq=60)
    alerts.configure([without_b], "lvs@example.com", {(VIP, A.key)}, 50.0)
    assert subjects(until(alerts, 70)) == [(65.0, "Inaccessible real server: 192.168.2.1:80 (10.1.1.10:80)")]
    alerts.configure([], "lvs@example.com", {(VIP, A.key)}, 100.0)
    assert alerts.next_deadline() is None
    alerts.told([down(A.key)], 101.0)
    assert alerts.next_deadline() is None


def test_reload_keeps_what_is_on_its_way() -> None:
    alerts = running()
    alerts.told([Happening(VIP, A.key, What.PURGED, occasion="reload")], 0.0)
    alerts.configure([], "", (), 0.0)
    assert len(until(alerts, 10)) == 1


def test_reals_that_are_down_already_are_reminded_of() -> None:
    alerts = running(a_virtual(emailalertfreq=60), down=[A.key])
    assert [when for when, _ in until(alerts, 70)] == [60.0]


def test_flush_sends_what_is_gathered_at_once() -> None:
    alerts = running()
    alerts.told([down(A.key)], 0.0)
    assert len(alerts.flush(0.1)) == 1
    assert alerts.flush(0.2) == []
    assert alerts.next_deadline() is None


def test_control_characters_of_the_file_stay_out_of_the_mail() -> None:
    alerts = running(a_virtual(servicename="web\r\nBcc: x@example.com", comment="one\r\n\r\ntwo\0"))
    alerts.told([down(A.key)], 0.0)
    [mail] = alerts.flush(0.0)
    assert mail.subject.startswith("[web  Bcc: x@example.com] Quiescent")
    assert mail.body.endswith("\nComment: one    two \n")
