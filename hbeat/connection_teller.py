"""The process that reads the IPVS connections, and tells the other node's kernel of them: `python -m` this module.

Reading them can take seconds of a processor, which the daemon's loop does not have. Orders come on standard input, one
line of JSON each, answers go to standard output; it ends with its input, so with the daemon, however that ends.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from hbeat.adapters.connection_files import NotAll, connection_texts, services_text
from hbeat.adapters.sync_sender import send
from hbeat.core.connection_table import Services, as_written, connections
from hbeat.core.sync_message import messages, record
from hbeat.core.sync_news import SAMPLE_SIZE


class Teller:
    """services: how connections are forwarded, kept from the last look that found any: a node that has just given its
    groups away still has their connections."""

    def __init__(self) -> None:
        self._services = Services("")

    def look(self, order: Mapping[str, Any]) -> dict[str, object]:
        """The fields of ConnectionsRead. order: interface, syncid, virtuals, wanted."""
        began = time.thread_time()
        self._services = Services(services_text()) or self._services
        only = None if order["virtuals"] is None else {as_written(address) for address in order["virtuals"]}
        seen = _Seen(self._services, only, set(order["wanted"]))
        problem = ""
        try:
            for text in connection_texts():
                seen.take(text)
        except NotAll:
            problem = f"more than {seen.count} connections: too many to be compared and told of all at once"
        except OSError as error:
            problem = f"connections cannot be read: {error.strerror or error}"
        try:
            if seen.records:
                send(messages(seen.records, order["syncid"]), order["interface"])
        except OSError as error:
            problem = f"connections cannot be told to the other node: {error.strerror or error}"
        return {
            "count": seen.count,
            "told": len(seen.records),
            "sample": [] if problem else heapq.nsmallest(SAMPLE_SIZE, seen.names),
            "present": len(seen.present),
            "seconds": time.thread_time() - began,
            "problem": problem,
        }


class _Seen:
    """What comes of one look. only: the virtual addresses whose connections are told of; None: all."""

    def __init__(self, services: Services, only: set[str] | None, wanted: set[str]) -> None:
        self._services, self._only, self._wanted = services, only, wanted
        self.count = 0
        self.names: list[str] = []
        self.present: set[str] = set()
        self.records: list[bytes] = []
        """What is to be told."""

    def take(self, text: str) -> None:
        """Some lines of the kernel's file."""
        for found in connections(text):
            self.count += 1
            name = found.name
            if name in self._wanted:
                self.present.add(name)
            if self._only is not None and found.virtual not in self._only:
                continue
            way = self._services.forwarding(found)
            if way is not None and (told := record(found, way)) is not None:
                self.records.append(told)
                if found.is_open:
                    self.names.append(name)


def main(orders: Iterable[str] = sys.stdin) -> None:
    """Until the input ends."""
    teller = Teller()
    for line in orders:
        print(json.dumps(teller.look(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
