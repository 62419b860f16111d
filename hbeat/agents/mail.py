"""MailTo: tells people that a group has come to this node or leaves it.

The mail goes through the machine's own sendmail, as an operation beside the plan: a takeover never waits for a mail,
and a mail that cannot be sent is a warning, not a failed start.
"""

from __future__ import annotations

import shutil
from email.message import EmailMessage

from hbeat.core.builtin import MailSpec
from hbeat.core.events import Action

PLACES = "/usr/sbin:/usr/lib:/sbin:/usr/bin"
LIMIT = 60.0


def find_sendmail() -> str | None:
    """The program that takes mail, None without one."""
    return shutil.which("sendmail", path=PLACES)


def sendmail_command(program: str) -> list[str]:
    """Recipients are read from the mail; a line with a dot alone does not end it."""
    return [program, "-t", "-oi"]


def compose(spec: MailSpec, action: Action, node: str, date: str) -> bytes:
    """The mail; date: when, in words."""
    what = "Takeover in progress" if action is Action.START else "Migrating resource away"
    message = EmailMessage()
    message["To"] = ", ".join(spec.recipients)
    message["Subject"] = f"{spec.subject} {what} at {date} on {node}"
    message.set_content(f"{spec.subject} {what} at {date} on {node}\n\nhbeat on {node}\n")
    return message.as_bytes()
