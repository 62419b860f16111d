from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from email import message_from_bytes, message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from ldirector.adapters import mail as mail_module
from ldirector.adapters.mail import Mailer, compose
from ldirector.core.events import Mail
from tests.ldirector.adapters.smtp_server import SmtpServer, smtp_server

MAIL = Mail(
    ("admin@example.com", "Ann <ann@example.com>"),
    "lvs@director1.example.com",
    "[web] Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)",
    "ldirectord host: director1\nLog-Message: x\n.\nDaemon-Status: running\n",
    "127.0.0.1",
)


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp_server() as running:
        yield running


Story = Callable[[Mailer], Awaitable[None]]


def told(story: Story, close: float = 5.0, **settings: Any) -> list[str]:
    """The errors of a mailer that lived through the story and was closed."""
    errors: list[str] = []

    async def run() -> None:
        mailer = Mailer(errors.append, **{"pauses": (0.05, 0.1), **settings})
        await story(mailer)
        await mailer.close(close)

    asyncio.run(asyncio.wait_for(run(), 20))
    return errors


def sending(*mails: Mail, until: Callable[[], bool] | None = None, **settings: Any) -> list[str]:
    async def story(mailer: Mailer) -> None:
        for mail in mails:
            mailer.send(mail)
        if until:
            await holds(until)

    return told(story, **settings)


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_each_recipient_is_one_rcpt_and_the_message_is_complete(server: SmtpServer) -> None:
    assert sending(MAIL, port=server.port) == []
    assert [line.split(" ", 1)[0] for line in server.commands[:1]] == ["ehlo"]
    assert [line.split(" size=")[0] for line in server.commands[1:]] == [
        "mail FROM:<lvs@director1.example.com>",
        "rcpt TO:<admin@example.com>",
        "rcpt TO:<ann@example.com>",
        "data",
        "quit",
    ]
    message = message_from_string(server.messages[0])
    assert message["From"] == "lvs@director1.example.com"
    assert message["To"] == "admin@example.com, Ann <ann@example.com>"
    assert f"\nSubject: {MAIL.subject}\n" in server.messages[0]
    assert message["Date"]
    assert message.get_payload() == MAIL.body.replace("\n.\n", "\n..\n").rstrip("\n"), "a dot is doubled on the wire"


def test_no_text_can_add_a_header_or_a_recipient() -> None:
    evil = Mail(("a@example.com",), "x@example.com", "one\r\nBcc: evil@example.com", "body\n")
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        compose(evil)
    errors = sending(evil, sendmail="/bin/false")
    assert len(errors) == 1
    assert "was not delivered" in errors[0]


def test_a_recipient_with_a_line_break_reaches_no_server(server: SmtpServer) -> None:
    evil = Mail(("a@example.com>\r\nRCPT TO:<evil@example.com",), "x@example.com", "s", "b\n", "127.0.0.1")
    assert len(sending(evil, port=server.port)) == 1
    assert not any("evil" in line for line in server.commands)


def test_text_beyond_ascii_arrives_and_stays_within_seven_bits(server: SmtpServer) -> None:
    mail = Mail(("a@example.com",), "x@example.com", "Dienst gr\u00fcn", "M\u00fcnchen \udcff\n", "127.0.0.1")
    assert sending(mail, port=server.port) == []
    message = message_from_string(server.messages[0], EmailMessage, policy=default)
    assert message["Subject"] == "Dienst gr\u00fcn"
    assert message.get_content() == "M\u00fcnchen \ufffd\n"
    assert server.messages[0].isascii()


def test_send_returns_at_once_while_a_server_hangs(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.hangs = True
    monkeypatch.setattr(mail_module, "ATTEMPT_SECONDS", 1.0)

    async def story(mailer: Mailer) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(20):
            mailer.send(MAIL)
        assert loop.time() - began < 0.8
        await holds(lambda: server.connections >= 2)

    errors = told(story, port=server.port, pauses=(), close=0.1)
    assert "127.0.0.1: not done in 1 s" in errors[0]


def test_a_server_that_drips_is_given_up(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_module, "ATTEMPT_SECONDS", 0.5)
    server.drips = True
    errors = sending(MAIL, port=server.port, pauses=())
    assert "not done in 0.5 s" in errors[0]


def test_a_temporary_refusal_is_tried_again_after_growing_pauses(server: SmtpServer) -> None:
    server.answers["mail"] = [b"451 later\r\n", b"451 later\r\n", b"250 ok\r\n"]
    assert sending(MAIL, port=server.port, until=lambda: bool(server.messages)) == []
    assert server.connections == 3


def test_a_server_that_is_away_is_tried_again(server: SmtpServer) -> None:
    server.answers[""] = [None, b"421 busy\r\n", b"220 ready\r\n"]
    assert sending(MAIL, port=server.port, until=lambda: bool(server.messages)) == []


def test_attempts_end_with_one_line_in_the_log(server: SmtpServer) -> None:
    server.answers["mail"] = b"451 disk full\r\n"
    errors = sending(MAIL, port=server.port, until=lambda: server.connections == 3)
    assert errors == [
        f"mail to admin@example.com, Ann <ann@example.com> was not delivered ({MAIL.subject}): "
        "127.0.0.1 answers 451 disk full"
    ]


def test_a_refusal_for_good_is_not_repeated(server: SmtpServer) -> None:
    server.answers["mail"] = b"550 no relay\r\n"
    errors = sending(MAIL, port=server.port)
    assert (len(errors), server.connections) == (1, 1)
    assert errors[0].endswith("127.0.0.1 answers 550 no relay")


def test_one_recipient_that_is_refused_does_not_hold_back_the_others(server: SmtpServer) -> None:
    server.answers["rcpt TO:<admin"] = b"550 unknown\r\n"
    errors = sending(MAIL, port=server.port)
    assert len(server.messages) == 1
    assert errors[0].endswith("127.0.0.1 refuses admin@example.com: 550 unknown")


def test_only_recipients_that_were_refused_for_now_get_another_mail(server: SmtpServer) -> None:
    server.answers["rcpt TO:<ann"] = [b"450 greylisted\r\n", b"250 ok\r\n"]
    assert sending(MAIL, port=server.port, until=lambda: len(server.messages) == 2) == []
    assert [line for line in server.commands if line.startswith("rcpt")] == [
        "rcpt TO:<admin@example.com>",
        "rcpt TO:<ann@example.com>",
        "rcpt TO:<ann@example.com>",
    ]


def test_recipients_that_were_refused_for_good_are_not_tried_again(server: SmtpServer) -> None:
    server.answers["rcpt TO:<admin"] = b"550 unknown\r\n"
    server.answers["rcpt TO:<ann"] = [b"450 greylisted\r\n", b"250 ok\r\n"]
    sending(MAIL, port=server.port, until=lambda: bool(server.messages))
    assert len([line for line in server.commands if line.startswith("rcpt TO:<admin")]) == 1


def test_a_server_that_serves_nobody_is_not_asked_again(server: SmtpServer) -> None:
    server.answers[""] = b"554 no mail here\r\n"
    errors = sending(MAIL, port=server.port)
    assert errors[0].endswith("127.0.0.1 answers 554 no mail here")
    assert (server.connections, server.commands) == (1, [])


def test_mails_that_wait_for_another_attempt_do_not_hold_up_others(server: SmtpServer, tmp_path: Path) -> None:
    server.answers["mail"] = b"451 later\r\n"
    mailer = fake_sendmail(tmp_path)
    local = Mail(("root",), "x@example.com", "s", "b\n")
    sending(MAIL, local, port=server.port, sendmail=mailer, pauses=(60.0,), until=(tmp_path / "input").exists)


def test_too_many_mails_are_dropped_and_that_is_said_once(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_module, "QUEUED", 10)
    server.hangs = True
    monkeypatch.setattr(mail_module, "ATTEMPT_SECONDS", 0.5)
    errors = sending(*[MAIL] * 50, port=server.port, close=0.1)
    assert [error for error in errors if "dropped" in error] == [
        "10 mails wait to be delivered: further ones are dropped until some are"
    ]


def test_the_end_of_the_daemon_sends_what_waits_and_counts_what_is_lost(
    server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["mail"] = [b"451 later\r\n", b"250 ok\r\n"]
    assert sending(MAIL, port=server.port, pauses=(60.0,), until=lambda: "rset" in server.commands) == []
    assert len(server.messages) == 1
    server.hangs = True
    monkeypatch.setattr(mail_module, "ATTEMPT_SECONDS", 1.0)

    async def story(mailer: Mailer) -> None:
        for _ in range(3):
            mailer.send(MAIL)
        await mailer.close(0.2)

    began = time.monotonic()
    assert "the daemon ends, mails that were not delivered: 3" in told(story, port=server.port)
    assert time.monotonic() - began < 5


def test_an_attempt_that_fails_while_the_daemon_ends_is_made_once_more(
    server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_module, "ATTEMPT_SECONDS", 0.5)
    server.hangs = True

    async def story(mailer: Mailer) -> None:
        mailer.send(MAIL)
        await holds(lambda: server.connections == 1)
        server.hangs = False

    assert told(story, port=server.port, pauses=(60.0,)) == []
    assert len(server.messages) == 1


def fake_sendmail(folder: Path, text: str = "") -> str:
    """A mailer that keeps its arguments and its input."""
    program = folder / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$*" > {folder}/arguments\ncat > {folder}/part\n{text}\n')
    with program.open("a") as file:
        file.write(f"mv {folder}/part {folder}/input\n")
    program.chmod(0o755)
    return str(program)


def test_without_smtp_the_machines_mailer_gets_the_message(tmp_path: Path) -> None:
    mail = Mail(("root", "ann@example.com"), "lvs@director1", "Restored real server", "one\n.\ntwo\n")
    assert sending(mail, sendmail=fake_sendmail(tmp_path)) == []
    assert (tmp_path / "arguments").read_text() == "-t -i\n"
    message = message_from_bytes((tmp_path / "input").read_bytes())
    assert (message["To"], message["From"]) == ("root, ann@example.com", "lvs@director1")
    assert message.get_payload() == "one\n.\ntwo\n"


def test_a_mailer_that_fails_is_one_line_and_one_that_is_busy_is_tried_again(tmp_path: Path) -> None:
    mail = Mail(("root",), "x@example.com", "s", "b\n")
    errors = sending(mail, sendmail=fake_sendmail(tmp_path, "echo no spool >&2; exit 70"))
    assert errors == [f"mail to root was not delivered (s): {tmp_path}/sendmail ended with 70: no spool"]
    busy = f"[ -e {tmp_path}/tried ] || {{ touch {tmp_path}/tried; exit 75; }}"
    assert sending(mail, sendmail=fake_sendmail(tmp_path, busy), until=(tmp_path / "input").exists) == []


def test_a_machine_without_a_mailer_is_told_the_cure(tmp_path: Path) -> None:
    mail = Mail(("root",), "x@example.com", "s", "b\n")
    assert sending(mail, sendmail=str(tmp_path / "absent"))[0].endswith(
        f"{tmp_path}/absent: No such file or directory; install a mailer, or name a mail server with smtp="
    )


def test_a_mailer_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_module, "ATTEMPT_SECONDS", 0.3)
    mail = Mail(("root",), "x@example.com", "s", "b\n")
    program = fake_sendmail(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 30")
    errors = sending(mail, sendmail=program, pauses=())
    assert errors[0].endswith("sendmail took more than 0.3 s")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGCONT)
