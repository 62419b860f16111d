"""Transcripts: what happened to a pair of nodes, and below the line what each of them did and said.

`pytest tests/test_scenarios.py --rewrite` writes them anew; a person reads the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hbeat.core.events import Action
from hbeat.core.model import Failback, Held, Safety, Timing
from hbeat.core.settings import UNGUARDED
from tests.hbeat.world import World

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
LINE = "----\n"


def play(script: str) -> list[str]:
    """Runs the commands above the line: settings such as `keepalive N`, then `at T COMMAND`, `end T`.

    With `ping NAME` both nodes have this ping node and run ipfail.
    With `safety on` addresses are lent and guarded.
    `pull NODE [LINK...]`: these cables of the node are out, its others in.
    `break NODE start|stop RESOURCE` and `mend ...`: this does not work there, or works again.
    `stall NODE SECONDS`: its processes stand still.
    `lose NODE NAME` and `see NODE NAME`: a ping node answers this node no more, or again.
    """
    words = [line.split("#")[0].split() for line in script.splitlines()]
    settings = {w[0]: w[1] for w in words if len(w) == 2}
    deadtime = float(settings["deadtime"])
    keepalive = float(settings["keepalive"])
    timing = Timing(keepalive, deadtime / 2, deadtime, max(12.0, deadtime), deadtime)
    safety = Safety() if settings.get("safety") == "on" else UNGUARDED
    world = World(
        timing,
        Failback(settings["auto_failback"]),
        pings=[settings["ping"]] if "ping" in settings else [],
        safety=safety,
    )
    for word in words:
        if word[:1] == ["at"]:
            world.run_for(float(word[1]) - world.now)
            command(world, word[2], *word[3:])
    world.run_for(float(settings["end"]) - world.now)
    return world.transcript


def command(world: World, verb: str, *arguments: str) -> None:
    match verb:
        case "boot":
            world.boot(arguments[0])
        case "power-off":
            world.power_off(arguments[0])
        case "cut":
            world.partition(*arguments)
        case "unplug":
            world.cut |= {(arguments[0], arguments[1])}
        case "heal":
            world.heal()
        case "pull":
            world.pull(*arguments)
        case "lose":
            world.unseen.add((arguments[0], arguments[1]))
        case "see":
            world.unseen.discard((arguments[0], arguments[1]))
        case "stop":
            world.do(arguments[0], lambda c: c.shutdown(world.now))
        case "hb_standby":
            world.do(arguments[0], lambda c: c.give(Held(arguments[1]), world.now))
        case "stall":
            world.stall(float(arguments[1]), arguments[0])
        case "break":
            world.fails.add((arguments[0], arguments[2], Action(arguments[1])))
        case "mend":
            world.fails.discard((arguments[0], arguments[2], Action(arguments[1])))
        case "hb_takeover":
            world.do(arguments[0], lambda c: c.ask_takeover(arguments[1], world.now))
        case _:
            raise AssertionError(f"no command {verb}")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path, request: pytest.FixtureRequest) -> None:
    script, line, expected = path.read_text().partition(LINE)
    assert line
    found = "".join(f"{entry}\n" for entry in play(script))
    if request.config.getoption("--rewrite"):
        path.write_text(script + LINE + found)
        return
    assert found == expected
