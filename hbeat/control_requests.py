"""What can be asked for over the control socket, in words; the answers are those that become JSON.

An order may come through the FIFO, from a shell that has not loaded a program yet; that one asks for its outcome then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hbeat.core.cluster import Cluster
from hbeat.core.events import Effect, Level, Note
from hbeat.core.script_messages import Fields
from hbeat.core.script_requests import STANDBY_WORDS, TAKEOVER_WORDS

KNOWN = "requests: status, standby WORD, takeover WORD, takegroup KEY, givegroup KEY, outcome NUMBER, reload, stop"

ORDER = "hbeat-order"
"""The type of an order in the FIFO. Its fields: order, the words of a request, and number, which it is known by."""
KEPT = 16

Answer = dict[str, object]


class ControlRequests:
    """Answers them. perform: does what the cluster decides; view, reload and stop: what those requests come to.

    read_orders: reads the FIFO, and comes back to `order` with what it finds.
    """

    def __init__(
        self,
        cluster: Cluster,
        perform: Callable[[Iterable[Effect]], None],
        view: Callable[[float], Answer],
        reload: Callable[[], Answer],
        stop: Callable[[], None],
        read_orders: Callable[[], None],
    ) -> None:
        self._cluster, self._perform = cluster, perform
        self._view, self._reload, self._stop, self._read_orders = view, reload, stop, read_orders
        self._outcomes: dict[str, Answer] = {}  # of orders, until somebody asks

    def order(self, fields: Fields, now: float) -> None:
        """An order of the FIFO, which only root can write to."""
        said = dict(reversed(fields))
        words = said.get("order", "")
        asks = words.split()[:1] == ["outcome"]  # it would be looked for in the FIFO that is being read
        outcome = {"ok": False, "error": KNOWN} if asks else self.answer(words.split(), True, now)
        self._outcomes[said.get("number", "")] = outcome
        if outcome.get("error") == KNOWN:
            self._perform([Note(Level.WARNING, f"order {words!r} of a script is none; {KNOWN}")])
        while len(self._outcomes) > KEPT:
            del self._outcomes[next(iter(self._outcomes))]

    def answer(self, words: list[str], may_change: bool, now: float) -> Answer:
        """The answer to one request. may_change: who asks may do more than look."""
        if words != ["status"] and not may_change:
            return {"ok": False, "denied": True, "error": "only root may do that"}
        match words:
            case ["status"]:
                return {"ok": True, **self._view(now)}
            case ["standby", word] if word in STANDBY_WORDS:
                return self._asked(self._cluster.give(STANDBY_WORDS[word], now))
            case ["takeover", word] if word in TAKEOVER_WORDS:
                return self._asked(self._cluster.ask_takeover(word, now))
            case ["takegroup" | "givegroup" as verb, key]:
                try:
                    self._perform(self._cluster.group_by_hand(key, verb == "takegroup", now))
                except LookupError as error:
                    return {"ok": False, "error": error.args[0]}
                return {"ok": True}
            case ["outcome", number]:
                if number not in self._outcomes:
                    self._read_orders()
                return self._outcomes.pop(number, {"ok": False, "error": "that order did not arrive"})
            case ["reload"]:
                return self._reload()
            case ["stop"]:
                self._stop()
                return {"ok": True}
        return {"ok": False, "error": KNOWN}

    def _asked(self, effects: list[Effect]) -> Answer:
        """Does them; the only warning that such a request can come to is its refusal."""
        refusals = [effect.text for effect in effects if isinstance(effect, Note) and effect.level is Level.WARNING]
        self._perform(effects)
        return {"ok": False, "error": refusals[0]} if refusals else {"ok": True}
