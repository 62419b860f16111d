"""Our daemon without IPVS: the program's own, with a table in memory that writes down every change of a weight.

usage: python -m tests.bench.director CONFIG SOCKET EDITS
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ldirector.adapters import control
from ldirector.adapters.log import Log
from ldirector.adapters.table_record import TableRecord
from ldirector.core.events import AddReal, DeleteReal, OpFailure, SetReal, TableOp
from ldirector.core.model import Role, Service, VirtualKey
from ldirector.daemon import Daemon
from ldirector.load import config_file
from ldirector.service import raise_descriptor_limit, run_loop
from tests.ldirector.world import Kernel


class Table:
    """The modelled kernel table; a line `ADDRESS:PORT WEIGHT` for every edit of a real, -1 when it is deleted."""

    def __init__(self, edits: Path) -> None:
        self._model = Kernel()
        self._edits = edits.open("a", buffering=1 << 16)

    def read(self) -> dict[VirtualKey, Service]:
        return self._model.table()

    def apply(self, operations: Sequence[TableOp]) -> list[OpFailure]:
        failures = []
        for operation in operations:
            code = self._model.apply(operation)
            if code:
                failures.append(OpFailure(operation, code, "refused by the model"))
            match operation:
                case AddReal(_, real, entry) | SetReal(_, real, entry):
                    self._edits.write(f"{real.address}:{real.port} {entry.weight}\n")
                case DeleteReal(_, real):
                    self._edits.write(f"{real.address}:{real.port} -1\n")
        self._edits.flush()
        return failures


def main() -> None:
    config, socket, edits = map(Path, sys.argv[1:4])
    file = config_file(config)
    raise_descriptor_limit()
    loaded = file.load()
    log = Log(loaded.logfile, config.name)
    record = TableRecord(socket.with_suffix(".table"), print)
    run_loop(Daemon(loaded, file, Role.ACTIVE, Table(edits), control.bind(socket), log, record).run())


if __name__ == "__main__":
    main()
