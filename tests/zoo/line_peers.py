"""Servers that the checks of line protocols meet: smtp, submission, pop, imap, nntp, ftp, simpletcp, sip."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

from ldirector.core.verdict import Reason
from tests.zoo.animal import Animal, Cage
from tests.zoo.https_peers import hostile_handshakes
from tests.zoo.wire import Act, Answers, Peer, Wire, crumble, drip, hear, peer, pour, reset, say, silence

OK, LOST, LATE, TOO_LARGE = Reason.OK, Reason.CONNECTION_LOST, Reason.READ_TIMEOUT, Reason.TOO_LARGE
BAD, REFUSED, NO_MATCH, STATUS = Reason.BAD_ANSWER, Reason.REFUSED, Reason.RECEIVE_MISMATCH, Reason.WRONG_STATUS

GREETINGS = {
    "smtp": b"220 mail ready\r\n",
    "submission": b"220 mail ready\r\n",
    "pop": b"+OK ready\r\n",
    "imap": b"* OK ready\r\n",
    "nntp": b"200 news ready\r\n",
    "ftp": b"220 files ready\r\n",
}

SETTINGS: Mapping[str, Mapping[str, object]] = {
    "pop": {"login": "ann", "passwd": "secret"},
    "imap": {"login": "ann", "passwd": "secret"},
    "ftp": {"request": "/file", "receive": "ok"},
    "simpletcp": {"request": "hello\\n", "receive": "ok"},
}

EOL = b"\r\n"


def animal(service: str, name: str, served: Peer, *wanted: Reason, **settings: object) -> Animal:
    given = {**SETTINGS.get(service, {}), **settings}
    return Animal(f"{service}: {name}", service, frozenset(wanted), served, settings=given)


def datagrams(service: str, name: str, answers: Answers | None, *wanted: Reason, **settings: object) -> Animal:
    given = {**SETTINGS.get(service, {}), **settings}
    return Animal(
        f"{service} over udp: {name}", service, frozenset(wanted), answers=answers, cage=Cage.UDP, settings=given
    )


def greeters(service: str, greeting: bytes) -> list[Animal]:
    """What may come in place of a greeting."""
    rows: list[tuple[str, Peer, tuple[Reason, ...]]] = [
        ("accepts and is silent", peer(silence), (LATE,)),
        ("closes at once", peer(), (LOST,)),
        ("reset at once", peer(reset), (LOST,)),
        ("drips the greeting", peer(drip(b"x")), (LATE,)),
        ("stops in the greeting", peer(say(greeting[:4]), silence), (LATE,)),
        ("closes in the greeting", peer(say(greeting[:4])), (LOST,)),
        ("a line for ever", peer(pour(b"x")), (TOO_LARGE,)),
        ("a greeting for ever", peer(say(greeting.rstrip()), pour(b"x")), (TOO_LARGE,)),
        ("zeros for ever", peer(pour(bytes(1000))), (TOO_LARGE,)),
        ("empty lines for ever", peer(pour(EOL)), (BAD, TOO_LARGE)),
        ("every byte there is", peer(say(bytes(range(256)) * 20)), (BAD,)),
        ("another protocol", peer(say(b"SSH-2.0-OpenSSH_9.2p1\r\n")), (BAD,)),
        ("waits for us to speak", peer(hear(EOL)), (LATE,)),
    ]
    return [animal(service, name, served, *wanted) for name, served, wanted in rows]


def after(greeting: bytes, *acts: Act) -> Peer:
    """After the greeting and our first line."""
    return peer(say(greeting), hear(EOL), *acts)


SMTP, POP, IMAP, FTP = (GREETINGS[name] for name in ("smtp", "pop", "imap", "ftp"))

MAIL = [
    animal("smtp", "greets for ever", peer(pour(b"220-still\r\n")), TOO_LARGE),
    animal("smtp", "greets in different numbers", peer(say(b"220-one\r\n421 two\r\n"), pour(b"x\r\n")), TOO_LARGE),
    animal("smtp", "is busy", peer(say(b"421 later\r\n")), REFUSED),
    animal("smtp", "answers EHLO for ever", after(SMTP, pour(b"250-SIZE\r\n")), TOO_LARGE),
    animal("smtp", "drips the answer to EHLO", after(SMTP, drip(b"250-")), LATE),
    animal("smtp", "silent after EHLO", after(SMTP, silence), LATE),
    animal("smtp", "reset after EHLO", after(SMTP, reset), LOST),
    animal("smtp", "closes after EHLO", after(SMTP), LOST),
    animal(
        "smtp",
        "knows neither EHLO nor HELO",
        after(SMTP, say(b"500 what\r\n"), hear(EOL), say(b"500 what\r\n")),
        REFUSED,
    ),
    animal("smtp", "silent after HELO", after(SMTP, say(b"500 what\r\n"), hear(EOL), silence), LATE),
    animal("smtp", "never says goodbye", after(SMTP, say(b"250 ok\r\n"), silence), OK),
    animal("smtp", "every byte a packet", peer(crumble(SMTP), hear(EOL), crumble(b"250-a\r\n250 b\r\n")), OK),
    animal("submission", "is well", after(SMTP, say(b"250 ok\r\n")), OK),
    animal("pop", "refuses the login", after(POP, say(b"+OK\r\n"), hear(EOL), say(b"-ERR no\r\n")), REFUSED),
    animal("pop", "silent after USER", after(POP, silence), LATE),
    animal("pop", "answers PASS for ever", after(POP, say(b"+OK\r\n"), hear(EOL), pour(b"+OK")), TOO_LARGE),
    animal("pop", "reset after PASS", after(POP, say(b"+OK\r\n"), hear(EOL), reset), LOST),
    animal("pop", "is well", after(POP, say(b"+OK\r\n"), hear(EOL), say(b"+OK\r\n"), silence), OK),
    animal("imap", "says goodbye first", peer(say(b"* BYE full\r\n")), REFUSED),
    animal("imap", "untagged answers for ever", after(IMAP, pour(b"* 1 EXISTS\r\n")), TOO_LARGE),
    animal("imap", "drips untagged answers", after(IMAP, drip(b"* OK\r\n")), LATE),
    animal("imap", "answers with another tag for ever", after(IMAP, pour(b"b OK\r\n")), BAD),
    animal("imap", "refuses the login", after(IMAP, say(b"a NO\r\n")), REFUSED),
    animal("imap", "reset after LOGIN", after(IMAP, reset), LOST),
    animal("imap", "is well", after(IMAP, say(b"* CAPABILITY IMAP4rev1\r\na OK\r\n"), silence), OK),
    animal("nntp", "serves nobody", peer(say(b"502 no\r\n")), REFUSED),
    animal("nntp", "is well and goes on for ever", peer(say(GREETINGS["nntp"]), pour(b"x")), OK),
    *hostile_handshakes("imaps"),
    *hostile_handshakes("pops"),
]


def with_data(*acts: Act, reply: bytes = b"150 here it comes\r\n", end: bytes = b"226 done\r\n") -> Peer:
    """An ftp server whose data connection does this."""

    async def passive(wire: Wire) -> None:
        listener = socket.socket()
        with listener:
            listener.setblocking(False)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            await wire.send(b"227 Entering Passive Mode (127,0,0,1,%d,%d)\r\n" % divmod(port, 256))
            sock, _ = await asyncio.get_running_loop().sock_accept(listener)
        await hear(EOL)(wire)
        await wire.send(reply)
        await peer(*acts)(Wire(sock))
        await wire.send(end)

    return logged_in(passive)


def logged_in(*acts: Act) -> Peer:
    """Up to the question for a data connection."""
    steps = [
        step
        for answer in (b"331 who\r\n", b"230 ok\r\n", b"250 ok\r\n", b"200 ok\r\n")
        for step in (hear(EOL), say(answer))
    ]
    return peer(say(FTP), *steps, hear(EOL), *acts)


def passive_at(words: bytes) -> Peer:
    return logged_in(say(b"227 Entering Passive Mode (" + words + b")\r\n"), silence)


FILES = [
    animal("ftp", "is not ready for ever", peer(pour(b"120 soon\r\n")), TOO_LARGE),
    animal("ftp", "drips that it is not ready", peer(drip(b"120 soon\r\n")), LATE),
    animal("ftp", "refuses the login", after(FTP, say(b"530 no\r\n")), REFUSED),
    animal("ftp", "silent after USER", after(FTP, silence), LATE),
    animal("ftp", "answers USER for ever", after(FTP, pour(b"331-more\r\n")), TOO_LARGE),
    animal("ftp", "names no data port", passive_at(b"none"), BAD),
    animal("ftp", "names data port 0", passive_at(b"127,0,0,1,0,0"), BAD),
    animal("ftp", "names a data port beyond all bounds", passive_at(b"127,0,0,1,999,999"), BAD),
    animal("ftp", "names a closed data port", passive_at(b"127,0,0,1,0,1"), Reason.CONNECT_REFUSED),
    animal("ftp", "names somebody else's data port", passive_at(b"192,0,2,1,0,1"), Reason.CONNECT_REFUSED),
    animal("ftp", "silent instead of data", with_data(silence), LATE),
    animal("ftp", "drips data", with_data(drip(b"no ")), LATE),
    animal("ftp", "data for ever", with_data(pour(b"no ")), TOO_LARGE),
    animal("ftp", "reset in the data", with_data(say(b"ok"), reset), LOST),
    animal("ftp", "gives up in the data", with_data(say(b"ok"), end=b"426 aborted\r\n"), REFUSED),
    animal("ftp", "never says that it is done", with_data(say(b"ok"), end=b""), LATE, LOST),
    animal("ftp", "the wrong file", with_data(say(b"sorry")), NO_MATCH),
    animal(
        "ftp",
        "a file that a pattern fears",
        with_data(say(b"a" * 4000 + b"!")),
        Reason.PATTERN_TIMEOUT,
        receive="^(a|aa)+$",
    ),
    animal("ftp", "is well", with_data(say(b"ok")), OK),
]


def asked(*acts: Act) -> Peer:
    return peer(hear(b"hello\n"), *acts)


SIMPLE = [
    animal("simpletcp", "accepts and is silent", peer(silence), LATE),
    animal("simpletcp", "closes at once", peer(), LOST),
    animal("simpletcp", "reset at once", peer(reset), LOST),
    animal("simpletcp", "closes without an answer", asked(), LOST),
    animal("simpletcp", "reset in the answer", asked(say(b"no\n"), reset), LOST),
    animal("simpletcp", "drips", asked(drip(b"no\n")), LATE),
    animal("simpletcp", "a line for ever", asked(pour(b"x")), TOO_LARGE),
    animal("simpletcp", "lines for ever", asked(pour(b"no\n")), TOO_LARGE, LATE, Reason.PATTERN_TIMEOUT),
    animal("simpletcp", "empty lines for ever", asked(pour(b"\n")), TOO_LARGE, LATE, Reason.PATTERN_TIMEOUT),
    animal(
        "simpletcp",
        "lines that a pattern fears",
        asked(pour(b"a" * 4000 + b"!\n")),
        Reason.PATTERN_TIMEOUT,
        receive="(a+)+$",
    ),
    animal(
        "simpletcp",
        "lines that a pattern does not like",
        asked(pour(b"a" * 14 + b"!\n")),
        LATE,
        Reason.PATTERN_TIMEOUT,
        TOO_LARGE,
        receive="^(a|aa)+$",
    ),
    animal("simpletcp", "the wrong line", asked(say(b"sorry\n")), NO_MATCH),
    animal("simpletcp", "is well and goes on for ever", asked(say(b"ok\n"), pour(b"x")), OK),
    datagrams("simpletcp", "is silent", lambda _: (), LATE),
    datagrams("simpletcp", "the wrong answer for ever", lambda _: [b"no\n"] * 20_000, NO_MATCH),
    datagrams("simpletcp", "empty datagrams for ever", lambda _: [b""] * 20_000, LOST, LATE),
    datagrams("simpletcp", "the largest datagram", lambda _: [b"no\n" * 21_000], NO_MATCH),
    datagrams("simpletcp", "is well", lambda _: [b"ok\n"], OK),
]

TRYING = b"SIP/2.0 100 Trying\r\nContent-Length: 0\r\n\r\n"


def called(*acts: Act) -> Peer:
    return peer(hear(), *acts)


SIP = [
    animal("sip", "accepts and is silent", peer(silence), LATE),
    animal("sip", "closes at once", peer(), LOST),
    animal("sip", "reset after the question", called(reset), LOST),
    animal("sip", "is trying for ever", called(pour(TRYING)), TOO_LARGE),
    animal("sip", "drips that it is trying", called(drip(TRYING)), LATE),
    animal(
        "sip",
        "a body for ever while it tries",
        called(say(b"SIP/2.0 100 Trying\r\nContent-Length: 999999999\r\n\r\n"), pour(b"x")),
        TOO_LARGE,
    ),
    animal(
        "sip", "headers for ever while it tries", called(say(b"SIP/2.0 100 Trying\r\n"), pour(b"Via: x\r\n")), TOO_LARGE
    ),
    animal("sip", "a line for ever", called(pour(b"x")), TOO_LARGE),
    animal("sip", "refuses", called(say(b"SIP/2.0 503 No\r\n\r\n")), STATUS),
    animal("sip", "another protocol", called(say(b"HTTP/1.1 200 OK\r\n\r\n")), BAD),
    animal("sip", "is well", called(say(TRYING * 3 + b"SIP/2.0 200 OK\r\n\r\n")), OK),
    datagrams("sip", "is silent", lambda _: (), LATE),
    datagrams("sip", "is trying for ever", lambda _: [TRYING] * 20_000, LATE),
    datagrams("sip", "garbage for ever", lambda _: [bytes(range(256))] * 20_000, BAD),
    datagrams("sip", "the largest datagram", lambda _: [b"x" * 65_000], BAD),
    datagrams("sip", "is well", lambda _: [TRYING, b"SIP/2.0 200 OK\r\n\r\n"], OK),
]

ANIMALS = [
    *(row for service, greeting in GREETINGS.items() for row in greeters(service, greeting)),
    *MAIL,
    *FILES,
    *SIMPLE,
    *SIP,
]
