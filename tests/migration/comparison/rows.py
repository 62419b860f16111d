"""Rows as a play gives them."""

from __future__ import annotations

from typing import Any


def row(stack: str, outage: float, **other: Any) -> dict[str, Any]:
    """One of a power-off."""
    moved = {"moved": outage, "two_owners": 0.0, "failed": 3, "requests": 500, "repetition": 0}
    downloads = {"downloads": 2, "survived": 0, "silence": None}
    return {"fault": "power-off", **downloads, "stack": stack, "outage": outage, **moved, **other}
