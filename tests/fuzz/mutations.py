"""Configuration files as they should not be: good ones with lines lost, doubled, mixed up, and worse.

Every file comes from a seed, so that a bad one can be made again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import yaml

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors" / "ldirectord"
CORPUS = ROOT.parent / "shared" / "corpus" / "ldirectord"

SHELL_TEXTS = (
    "$(touch {})",
    "`touch {}`",
    "; touch {};",
    "| touch {}",
    "&& touch {}",
    "|| touch {}",
    "& touch {}",
    "> {}",
    "\n touch {}\n",
    '"; touch {}; "',
    "'; touch {}; '",
    "$(touch${{IFS}}{})",
)
"""What creates the canary's file, once a shell reads it; {} is the file."""

TOKENS = (
    *(b"\0", b"\r", b"\r\n", b"\t", b" ", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\x1b[2J", b"\x7f"),
    *("\u202e", "\ufeff", "\u00a0", "\u2028", "\u0661\u0662", "\U0001d7d9", "\uff10", "\u0130"),
    *(b"'", b'"', b"\\", b"#", b"=", b":", b"::", b",", b"->", b"[", b"]", b"(", b")", b"{", b"}", b"*", b"+", b"?"),
    *(b"{1000}", b"{999999999}", b"(?:", b"){99}", b"(?R)", b"(?P<a>", b"\\p{L}", b"\\N{DIGIT ONE}", b"[[:alpha:]]"),
    *(b"-1", b"0", b"00000000000000000000080", b"65536", b"4294967296", b"1e9", b"0x50", b"9" * 30, b"9" * 5000),
    *(b"%s%n", b"../../../etc/passwd", b"/dev/zero", b"a..b", b"a" * 64 + b".test", b"[::1]", b"[fd00::1]:80"),
    *(b"yes", b"no", b"gate", b"masq", b"ipip", b"l:1", b"u:1", b'"a", "b"', b"http://192.168.2.1:99999/x"),
    *(b"&a", b"*a", b"!!int x", b"!!bool x", b"- ", b"? ", b"<<: ", b"|\n", b"---\n", b"...\n", b"%YAML 9\n"),
)

SETTINGS = (
    b"",
    b"reconcile: off\nchecks_in_flight: 100\ncommands_in_flight: 8\n",
    b"defaults:\n  rise: 2\n  fall: 3\n  fast_interval: 0.5\n  sentinel: on\n",
    b"defaults: {http: {status: [200-299, 401], body_limit: 65536}, tls: {verify: on, minimum_days: 14}}\n"
    b"virtuals:\n  10.1.1.10:80:\n    fall: 3\n  udp 10.1.1.10:53: {rise: 3}\n  mark 7: {tls: {verify: off}}\n",
)
"""ldirector.yaml as it should be."""


def good_files() -> list[bytes]:
    """Those of the captured cases, the odd ones, the sample, and what people published where that is at hand.

    Of the odd ones only every third, so that what comes of all is not refused too often.
    """
    odd = yaml.safe_load((VECTORS / "bad_configs.yaml").read_text())[::3]
    paths = [ROOT / "etc" / "ha.d" / "ldirectord.cf", *VECTORS.glob("*/*.cf"), *CORPUS.glob("**/*.cf")]
    return [each["config"].encode() for each in odd] + 3 * [path.read_bytes() for path in sorted(paths)]


def commands_file(canary: Path) -> bytes:
    """One virtual for each text, in every directive whose value is run, opened or handed on."""
    head = 'maintenancedir={0}\ncallback="/bin/true {0}"\nexecute={0}\nfallbackcommand=/bin/true {0}\n'
    block = (
        'virtual=10.1.1.10:{1}\n\treal=192.168.2.1:80 masq 1 "{0}", "{0}"\n\tservicename={0}\n\tvirtualhost={0}\n'
        "\tchecktype=external\n\tcheckcommand=/bin/true {0}\n\tmonitorfile={0}\n\temailalert={0}\n"
    )
    texts = [text.format(canary) for text in SHELL_TEXTS if not set(text) & set("\n\"'")]
    return (head.format(texts[0]) + "".join(block.format(text, 80 + n) for n, text in enumerate(texts))).encode()


class Mutator:
    """Makes files out of good ones."""

    def __init__(self, random: Random, files: Sequence[bytes], canary: Path) -> None:
        self._random = random
        self._files = files
        self._tokens = [token.encode() if isinstance(token, str) else token for token in TOKENS]
        self._tokens += [text.format(canary).encode() for text in SHELL_TEXTS]

    def file(self) -> bytes:
        """One file with up to eight things done to it, mostly fewer."""
        lines = self._random.choice(self._files).split(b"\n")
        for _ in range(self._random.choice((1, 1, 2, 3, 8))):
            mutate = self._random.choices(_MUTATIONS, _WEIGHTS)[0]
            lines = mutate(self, lines) or [b""]
        return self._random.choices((b"\n", b"\r\n", b"\r"), (20, 2, 1))[0].join(lines)

    def _place(self, lines: list[bytes]) -> int:
        return self._random.randrange(len(lines))

    def delete(self, lines: list[bytes]) -> list[bytes]:
        first = self._place(lines)
        return lines[:first] + lines[first + self._random.randint(1, 3) :]

    def double(self, lines: list[bytes]) -> list[bytes]:
        """A line or some, twice or often."""
        first = self._place(lines)
        part = lines[first : first + self._random.choice((1, 1, 5, 20))]
        return lines[:first] + part * self._random.choice((2, 3, 30)) + lines[first:]

    def swap(self, lines: list[bytes]) -> list[bytes]:
        one, other = self._place(lines), self._place(lines)
        lines[one], lines[other] = lines[other], lines[one]
        return lines

    def splice(self, lines: list[bytes]) -> list[bytes]:
        """Lines of another file."""
        others = self._random.choice(self._files).split(b"\n")
        start, end = sorted((self._place(others), self._place(others)))
        at = self._place(lines)
        return lines[:at] + others[start : end + 1] + lines[at:]

    def insert(self, lines: list[bytes]) -> list[bytes]:
        """Something at any place of a line, or random bytes."""
        what = self._random.choice([*self._tokens, self._random.randbytes(self._random.randint(1, 20))])
        at = self._place(lines)
        position = self._random.randint(0, len(lines[at]))
        lines[at] = lines[at][:position] + what + lines[at][position:]
        return lines

    def replace_value(self, lines: list[bytes]) -> list[bytes]:
        at = self._place(lines)
        name, equals, _ = lines[at].partition(b"=")
        lines[at] = name + (equals or b": ") + self._random.choice(self._tokens)
        return lines

    def another_number(self, lines: list[bytes]) -> list[bytes]:
        """A huge one in place of one that is there."""
        at = self._place(lines)
        huge = self._random.choice((b"65535", b"65536", b"2147483648", b"9" * 9, b"9" * 25, b"0"))
        lines[at] = re.sub(rb"[0-9]+", huge, lines[at], count=self._random.randint(1, 3))
        return lines

    def long_range(self, lines: list[bytes]) -> list[bytes]:
        """As many addresses as an address has bits for, or as are just allowed."""
        low, high = self._random.choice(
            (
                (b"0.0.0.0", b"255.255.255.255"),
                (b"10.0.0.0", b"10.255.255.255"),
                (b"10.%d.0.0" % self._random.randrange(256), b"10.255.31.255"),
                (b"10.0.%d.0" % self._random.randrange(3), b"10.0.31.255"),
                (b"10.0.0.9", b"10.0.0.1"),
            )
        )
        at = self._place(lines)
        lines[at] = re.sub(rb"(real6?=)[^ :]*", rb"\g<1>" + low + b"->" + high, lines[at])
        if b"->" not in lines[at]:
            lines.insert(at, b"\treal=%b->%b:80 masq" % (low, high))
        return lines

    def long_line(self, lines: list[bytes]) -> list[bytes]:
        at = self._place(lines)
        piece = self._random.choice([b" ", b"\t", b"a", b"1", b'"', b"(", b"[", b"a ", b", ", lines[at] or b"x"])
        lines[at] += piece * (self._random.choice((300, 8000, 100_000)) // len(piece))
        return lines

    def indent(self, lines: list[bytes]) -> list[bytes]:
        """More or less of it."""
        at = self._place(lines)
        lines[at] = self._random.choice((b"", b"   ", b"    ", b"\t", b"\t\t", b" \t")) + lines[at].lstrip()
        return lines


_MUTATIONS: Sequence[Callable[[Mutator, list[bytes]], list[bytes]]] = (
    *(Mutator.delete, Mutator.double, Mutator.swap, Mutator.splice, Mutator.insert, Mutator.replace_value),
    *(Mutator.another_number, Mutator.long_range, Mutator.long_line, Mutator.indent),
)
_WEIGHTS = (4, 2, 3, 2, 6, 4, 3, 1, 1, 2)
