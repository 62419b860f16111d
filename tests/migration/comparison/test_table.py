from __future__ import annotations

from migration.comparison.table import line, ratios, table
from tests.migration.comparison.rows import row

ROWS = [
    row("ours", 2.0),
    row("keepalived", 4.0),
    row("ours", 3.0),
    row("ours", 1.0, moved=None, survived=1, silence=1.5),
    row("keepalived", 0.0, fault="frozen"),
    row("ours", 0.5, fault="frozen"),
]


def cells(text: str) -> list[str]:
    return [cell.strip() for cell in text.split("  ") if cell.strip()]


def test_table_has_medians_spreads_and_the_ratio_to_keepalived() -> None:
    lines = [cells(text) for text in table(ROWS, [])]
    assert [
        "power-off",
        "ours",
        "2.000 (1.000–3.000)",
        "3",
        "2 of 3 times",
        "0.000",
        "1 of 6, 1.500",
        "0.50",
        "3",
    ] in lines
    assert ["power-off", "keepalived", "4.000", "3", "4.000", "0.000", "0 of 2", "1.00", "1"] in lines


def test_no_ratio_to_an_outage_of_nothing() -> None:
    assert cells(table(ROWS, [])[-1])[-2] == "-"
    assert ratios(ROWS) == {"power-off": 0.5}


def test_a_pair_that_did_not_come_to_rest_is_in_the_table_with_its_number() -> None:
    lines = table(ROWS, [("frozen", "heartbeat"), ("stop", "heartbeat"), ("frozen", "heartbeat")])
    assert [cells(text) for text in lines[-2:]] == [
        ["frozen", "heartbeat", "did not come to rest", "(2 of the runs)"],
        ["stop", "heartbeat", "did not come to rest"],
    ]


def test_columns_stand_below_their_headings() -> None:
    heading, *rest = table(ROWS, [])
    assert {text.index("0.000") for text in rest if "4.000" in text} == {heading.index("two owners")}


def test_a_row_says_never_where_addresses_did_not_come() -> None:
    assert "moved   never s" in line(ROWS[3])
    assert "silent for 1.500 s" in line(ROWS[3])
