"""An SMTP server on loopback that answers as told and keeps what it was sent."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

OK = b"250 ok\r\n"
ANSWERS = {"": b"220 ready\r\n", "data": b"354 go on\r\n", "quit": b"221 bye\r\n"}


class SmtpServer:
    """commands: every line it got; messages: the text after each data. answers: what it says to a line, "" = greets.

    An answer of None closes the connection; with several in a list each is given once, the last for ever.
    """

    def __init__(self) -> None:
        self.port = 0
        self.commands: list[str] = []
        self.messages: list[str] = []
        self.answers: dict[str, bytes | list[bytes | None] | None] = {}
        self.connections = 0
        self.hangs = False
        self.drips = False

    def answer(self, line: str) -> bytes | None:
        """The longest beginning of the line that has an answer decides."""
        known = {**ANSWERS, **self.answers}
        best = max((start for start in known if line.startswith(start)), key=len)
        if not best and line:
            return OK
        given = known[best]
        if isinstance(given, list):
            return given.pop(0) if len(given) > 1 else given[0]
        return given


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    over = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            server.connections += 1
            if server.hangs:
                over.wait(30)
                return
            while server.drips and not over.wait(0.1):
                self.wfile.write(b"220-still here\r\n")
            if not self._say(""):
                return
            for line in iter(self._line, ""):
                server.commands.append(line)
                if not self._say(line):
                    return
                if line == "data":
                    server.messages.append("\n".join(iter(self._line, ".")))
                    if not self._say("."):
                        return

        def _line(self) -> str:
            return self.rfile.readline().decode().removesuffix("\r\n")

        def _say(self, line: str) -> bool:
            answer = server.answer(line)
            if answer is None:
                return False
            self.wfile.write(answer)
            return not answer.startswith(b"221")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, *_: object) -> None:
            """A client that went away is no news."""

    with Server(("127.0.0.1", 0), Handler) as listener:
        server.port = listener.server_address[1]
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            over.set()
            listener.shutdown()
            thread.join()
