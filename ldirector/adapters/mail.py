"""Delivers alerts in the background: by SMTP, or through the machine's own mailer when smtp= is not set.

One thread does it, because both ways block; nobody ever waits for it. A mail that a server could not take for now is
tried again after growing pauses, while others go their way. Whatever fails for good is one line in the log. The queue
is bounded: when mails come faster than they go, the newest are dropped, which is said once.

Messages are made by the email package, which refuses line breaks in headers: no text can add a header or a recipient.
"""

from __future__ import annotations

import asyncio
import heapq
import smtplib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from email.utils import localtime, parseaddr

from ldirector.core.events import Mail

SENDMAIL = "/usr/sbin/sendmail"
PAUSES = (5.0, 30.0, 120.0)  # seconds before the second, third and fourth attempt
ATTEMPT_SECONDS = 30.0  # for one attempt, however slowly a server answers
CLOSE_SECONDS = 5.0  # for everything that waits when the daemon ends
QUEUED = 1000  # mails
POLICY = default.clone(cte_type="7bit", max_line_length=900)  # a subject in one line, as filters look for it
TEMPORARY = 75  # EX_TEMPFAIL of sysexits.h


class Undelivered(Exception):
    """str() says why. again: what may be tried once more, None = nothing."""

    def __init__(self, words: str, again: Mail | None = None) -> None:
        super().__init__(words)
        self.again = again


class Mailer:
    """log_error gets a line for each mail that is lost; it is called in the loop. port, sendmail: for tests."""

    def __init__(
        self,
        log_error: Callable[[str], None],
        port: int = smtplib.SMTP_PORT,
        sendmail: str = SENDMAIL,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._log_error = log_error
        self._port = port
        self._sendmail = sendmail
        self._pauses = pauses
        self._queue: list[tuple[float, int, Mail, int]] = []  # due, serial, mail, attempts so far
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._serial = 0
        self._dropping = False
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, mail: Mail) -> None:
        """Deliver it as soon as possible. Returns at once."""
        self._loop = asyncio.get_running_loop()
        with self._news:
            if len(self._queue) >= QUEUED:
                if not self._dropping:
                    self._log_error(f"{QUEUED} mails wait to be delivered: further ones are dropped until some are")
                self._dropping = True
                return
            self._dropping = self._dropping and len(self._queue) > QUEUED // 2
            self._put(time.monotonic(), mail, 0)
            if self._thread is None:
                # Not before the first mail: a thread would not survive the fork into the background.
                self._thread = threading.Thread(target=self._work, name="mail", daemon=True)
                self._thread.start()

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Try once more, now, what still waits; after so many seconds the rest is lost, and the log says so."""
        if self._thread is None:
            return
        with self._news:
            self._closing = True
            self._queue = sorted((0.0, serial, mail, len(self._pauses)) for _, serial, mail, _ in self._queue)
            self._news.notify()
        await asyncio.to_thread(self._thread.join, seconds)
        with self._news:
            lost = len(self._queue) + self._thread.is_alive()
            self._queue.clear()
        if lost:
            self._log_error(f"the daemon ends, mails that were not delivered: {lost}")

    def _put(self, due: float, mail: Mail, attempts: int) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (due, self._serial, mail, attempts))
        self._news.notify()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            mail, attempts = taken
            try:
                self._attempt(mail)
            except Undelivered as failure:
                self._failed(mail, failure, attempts)
            except Exception as error:  # an address or a text that no message can carry
                self._failed(mail, Undelivered(f"{type(error).__name__}: {error}"), attempts)

    def _take(self) -> tuple[Mail, int] | None:
        """Wait for the next mail that is due; None when there will be none."""
        with self._news:
            while True:
                if self._queue and (wait := self._queue[0][0] - time.monotonic()) <= 0:
                    _, _, mail, attempts = heapq.heappop(self._queue)
                    return mail, attempts
                if self._closing and not self._queue:
                    return None
                self._news.wait(wait if self._queue else None)

    def _failed(self, mail: Mail, failure: Undelivered, attempts: int) -> None:
        if failure.again and attempts < len(self._pauses):
            with self._news:
                if self._closing:
                    self._put(time.monotonic(), failure.again, len(self._pauses))
                else:
                    self._put(time.monotonic() + self._pauses[attempts], failure.again, attempts + 1)
            return
        words = f"mail to {', '.join(mail.recipients)} was not delivered ({mail.subject}): {failure}"
        assert self._loop
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._log_error, words)

    def _attempt(self, mail: Mail) -> None:
        if mail.smtp:
            _by_smtp(mail, mail.smtp, self._port)
        else:
            _by_mailer(mail, self._sendmail)


def compose(mail: Mail) -> EmailMessage:
    """The message. Raises ValueError when a header would break."""
    message = EmailMessage(policy=POLICY)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = _unicode(mail.subject)
    message["Date"] = localtime()
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    message.set_content(_unicode(mail.body))
    return message


def _by_smtp(mail: Mail, host: str, port: int) -> None:
    """Raises Undelivered, also when only some recipients were refused."""
    client = smtplib.SMTP(timeout=ATTEMPT_SECONDS, local_hostname=socket.gethostname())
    # smtplib's own timeout starts anew with each byte.
    limit = threading.Timer(ATTEMPT_SECONDS, _shut_down, [client])
    limit.daemon = True
    limit.start()
    began = time.monotonic()
    addresses = {parseaddr(recipient)[1]: recipient for recipient in mail.recipients}
    try:
        code, words = client.connect(host, port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)
        refused = client.send_message(compose(mail), parseaddr(mail.sender)[1], list(addresses))
        with suppress(OSError, smtplib.SMTPException):
            client.quit()
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPResponseException as error:
        answer = f"{host} answers {error.smtp_code} {_text(error.smtp_error)}"
        raise Undelivered(answer, mail if error.smtp_code < 500 else None) from error
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        late = time.monotonic() - began > 0.9 * ATTEMPT_SECONDS  # whichever of the two limits was faster
        raise Undelivered(f"{host}: not done in {ATTEMPT_SECONDS:g} s" if late else f"{host}: {error}", mail) from error
    finally:
        limit.cancel()
        client.close()
    if refused:
        answers = "; ".join(f"{host} refuses {who}: {code} {_text(why)}" for who, (code, why) in refused.items())
        later = tuple(addresses[who] for who, (code, _) in refused.items() if code < 500)
        raise Undelivered(answers, replace(mail, recipients=later) if later else None)


def _by_mailer(mail: Mail, program: str) -> None:
    """Recipients are those of the header (-t); a dot alone on a line is no end (-i)."""
    try:
        ended = subprocess.run(
            [program, "-t", "-i"],
            input=compose(mail).as_bytes(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=ATTEMPT_SECONDS,
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired as error:
        raise Undelivered(f"{program} took more than {ATTEMPT_SECONDS:g} s", mail) from error
    except (FileNotFoundError, PermissionError) as error:
        words = f"{program}: {error.strerror}; install a mailer, or name a mail server with smtp="
        raise Undelivered(words) from error
    except OSError as error:
        raise Undelivered(f"{program}: {error.strerror}", mail) from error
    if ended.returncode:
        words = f"{program} ended with {ended.returncode}: {_text(ended.stderr)}"
        raise Undelivered(words, mail if ended.returncode == TEMPORARY else None)


def _shut_down(client: smtplib.SMTP) -> None:
    sock = client.sock
    if sock:
        with suppress(OSError):  # not connected any more
            sock.shutdown(socket.SHUT_RDWR)


def _text(words: bytes | str) -> str:
    return (words.decode("utf-8", "replace") if isinstance(words, bytes) else words)[:200].strip()


def _unicode(text: str) -> str:
    """Bytes of the file that are not UTF-8 cannot be sent; a mark stands for them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
