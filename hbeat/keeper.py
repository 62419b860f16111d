"""The keeper: a small process in front of the daemon, which outlives it. Run as a program of its own, see `command`.

It holds a descriptor of the daemon's process and, ready to be sent, the message to the kernel that removes each virtual
address which stands here; the daemon tells it of each through a pipe. When the daemon ends without a farewell, the
addresses are gone a few milliseconds later, the other node is told by a datagram which the daemon has left for that,
and the daemon is started again: at once, then after 1, 2, 4 and up to 60 seconds, until it has lived for a minute. It
knows nothing of clusters. If both die, the leases end.

Where the machine has nothing left for a process or a descriptor, the daemon did not start: that is told to syslog, and
tried again like any other start that failed.

    + HEX     an address stands: the netlink message that removes it
    - HEX     it was removed
    r HEX     the netlink message that adds a route which the kernel removes with its source address; r alone: none
    w FAMILY INTERFACE ADDRESS PORT TTL HEX     a datagram to send when it has died; w alone: none of those before
    bye       the daemon ends in order

It imports a few modules and nothing of this package, so that there is little of it to be in memory.

Signals are for the daemon and handed on. The pid file names the daemon; while there is none, the keeper.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

FIRST_PAUSE, LONGEST_PAUSE, GOOD_LIFE = 1.0, 60.0, 60.0
SYSLOG, DAEMON_CRITICAL = "/dev/log", 3 * 8 + 2
"""The socket of the syslog daemon, and what its lines begin with (RFC 3164 section 4.1.1)."""
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT)


def command(pipe: int, lock: int, pidfd: int, pid_file: str, restart: list[str], *, realtime: bool) -> list[str]:
    """The arguments that run this file. pipe, lock, pidfd: inherited descriptors; restart: what starts the daemon."""
    numbers = [str(pipe), str(lock), str(pidfd), str(int(realtime))]
    return [sys.executable, "-I", "-S", __file__, *numbers, pid_file, *restart]


class Keeper:
    """pipe: what the daemon says comes from there. pidfd: its process.

    lock: says that heartbeat runs, as long as one of both holds it.
    """

    def __init__(self, pipe: int, lock: int, pidfd: int, pid_file: str, restart: list[str]) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._netlink.bind((0, 0))
        self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)  # now, while there are descriptors
        self._pipe, self._lock, self._pidfd = pipe, lock, pidfd
        self._pid_file, self._restart = pid_file, restart
        self._removals: dict[bytes, None] = {}  # in the order in which they came to stand
        self._route = b""
        self._will: list[list[str]] = []
        self._unread = b""
        self._farewell = self._ending = False
        self._pause = 0.0

    def run(self) -> int:
        """Returns the exit status of a daemon that has ended in order."""
        for number in FORWARDED:
            signal.signal(number, self._signalled)
        while True:
            began = time.clock_gettime(time.CLOCK_BOOTTIME)
            status = self._outlive()
            if self._farewell:
                return max(status, 0)
            self._remove_all()
            self._tell_the_other()
            if self._ending or status == -signal.SIGTERM:  # so early in its life that it could not say farewell
                self._forget_pid()
                return 0
            self._pause = 0.0 if time.clock_gettime(time.CLOCK_BOOTTIME) - began > GOOD_LIFE else self._pause
            self._take_its_place()
            while not self._start():
                pass

    def _signalled(self, number: int, frame: object) -> None:
        self._ending = self._ending or number == signal.SIGTERM
        if self._pidfd >= 0:
            try:
                signal.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                pass
        elif self._ending:
            self._forget_pid()
            sys.exit(0)

    def _outlive(self) -> int:
        """Listens to the daemon until it has ended; its exit status, or minus the signal that killed it."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.register(self._pipe, select.POLLIN)
        os.set_blocking(self._pipe, False)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._pipe in ready and not self._listen():
                poll.unregister(self._pipe)
            if self._pidfd in ready:
                while self._listen():
                    pass
                return self._bury()

    def _bury(self) -> int:
        os.close(self._pipe)
        pidfd, self._pidfd = self._pidfd, -1
        try:
            end = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        except ChildProcessError:  # it was there before us, and is init's to bury
            return 0
        finally:
            os.close(pidfd)
        if end is None or end.si_code == os.CLD_EXITED:
            return end.si_status if end else 0
        return -end.si_status

    def _listen(self) -> bool:
        """Takes in what the daemon has said; False when it will say no more."""
        try:
            said = os.read(self._pipe, 65_536)
        except BlockingIOError:
            return False
        *lines, self._unread = (self._unread + said).split(b"\n")
        for line in lines:
            kind, _, text = line.partition(b" ")
            if kind == b"+":
                self._removals[bytes.fromhex(text.decode())] = None
            elif kind == b"-":
                self._removals.pop(bytes.fromhex(text.decode()), None)
            elif kind == b"r":
                self._route = bytes.fromhex(text.decode())
            elif kind == b"w":
                self._will = [*self._will, text.decode().split()] if text else []
            elif kind == b"bye":
                self._farewell = True
        return bool(said)

    def _remove_all(self) -> None:
        """From right to left, as a group is stopped."""
        for message in (*reversed(self._removals), *([self._route] if self._route else [])):
            try:
                self._netlink.send(message)
                self._netlink.recv(65_536)
            except OSError:
                continue  # the others have to go all the same, and the lease ends what stays
        self._removals.clear()
        self._route = self._unread = b""

    def _tell_the_other(self) -> None:
        """The last will, on every medium; what does not get through leaves the other node to its own questions."""
        for family, interface, address, port, ttl, data in self._will:
            try:
                with socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.setblocking(False)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    if family == "6":
                        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, int(ttl))
                    else:
                        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, int(ttl))
                    sock.sendto(bytes.fromhex(data), (address, int(port)))
            except OSError:
                continue
        self._will = []

    def _take_its_place(self) -> None:
        """Whoever stops heartbeat by its pid file while there is no daemon stops the keeper."""
        try:
            with open(self._pid_file, "w") as file:
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            self._tell(f"{self._pid_file} cannot be written: {error.strerror}; it may name a process that has ended")

    def _start(self) -> bool:
        """The daemon again, after the pause; False when there is none, and the next pause is longer."""
        select.select([], [], [], self._pause)
        self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        try:
            self._pipe, self._pidfd = self._fork()
        except OSError as error:
            self._tell(f"the daemon cannot be started again: {error.strerror}; next attempt in {self._pause:g} s")
            return False
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return True

    def _fork(self) -> tuple[int, int]:
        """The daemon in a process of its own: the pipe it speaks into, and the process. Raises OSError."""
        pipe, theirs = os.pipe()
        daemon = -1
        try:
            daemon = os.fork()
            if daemon == 0:
                self._become_daemon(theirs)
            return pipe, os.pidfd_open(daemon)
        except OSError:
            os.close(pipe)
            if daemon > 0:  # nobody would see its end
                os.kill(daemon, signal.SIGKILL)
                os.waitpid(daemon, 0)
            raise
        finally:
            os.close(theirs)

    def _become_daemon(self, theirs: int) -> None:
        """In the child; does not return."""
        try:
            for number in FORWARDED:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
            os.set_inheritable(theirs, True)
            os.set_inheritable(self._lock, True)
            os.execv(self._restart[0], [*self._restart, f"--kept={theirs},{self._lock}"])
        finally:
            os._exit(1)

    def _tell(self, text: str) -> None:
        """To syslog, as far as that takes it at once: who waits for a log keeps no addresses from being taken off."""
        line = f"<{DAEMON_CRITICAL}>{time.strftime('%b %d %H:%M:%S')} hbeat-keeper[{os.getpid()}]: {text}"
        try:
            self._syslog.sendto(line.encode(), socket.MSG_DONTWAIT, SYSLOG)
        except OSError:
            pass

    def _forget_pid(self) -> None:
        try:
            os.unlink(self._pid_file)
        except OSError:
            pass


def main() -> int:
    pipe, lock, pidfd, realtime = map(int, sys.argv[1:5])
    for descriptor in (pipe, lock, pidfd):
        os.set_inheritable(descriptor, False)
    try:
        with open("/proc/self/comm", "w") as file:
            file.write("hbeat-keeper")
    except OSError:
        pass  # it does its work under any name
    if realtime:
        try:
            lowest = os.sched_param(os.sched_get_priority_min(os.SCHED_RR))
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, lowest)
        except OSError:
            pass  # not granted, as the daemon tells of itself
    return Keeper(pipe, lock, pidfd, sys.argv[5], sys.argv[6:]).run()


if __name__ == "__main__":
    sys.exit(main())
