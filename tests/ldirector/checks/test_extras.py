import configparser
import importlib.util
from pathlib import Path

import pytest

from ldirector.checks import extras
from ldirector.core.services import SERVICES

SETUP = Path(__file__).parents[3] / "setup.cfg"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    extras._is_installed.cache_clear()


def test_an_absent_library_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pymysql" else object())
    assert extras.missing("mysql") == "mysql"
    assert extras.missing("oracle") == ""
    extras._is_installed.cache_clear()


def test_services_without_extras_lack_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert [name for name, row in SERVICES.items() if not row.extra and extras.missing(name)] == []
    extras._is_installed.cache_clear()


def test_every_extra_of_a_service_has_its_module_and_stands_in_setup_cfg() -> None:
    parser = configparser.ConfigParser()
    parser.read(SETUP)
    wanted = {row.extra for row in SERVICES.values() if row.extra}
    assert wanted == set(extras.MODULES)
    assert wanted <= set(parser["options.extras_require"])
    everything = parser["options.extras_require"]["checks"].partition("[")[2].rstrip("]").split(",")
    assert wanted == set(everything)


def test_a_module_is_not_imported_to_be_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "explodes_on_import.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(extras.MODULES, "dns", "explodes_on_import")
    assert extras.missing("dns") == ""
