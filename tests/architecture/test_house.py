"""The house rules that no linter knows, enforced; exceptions are listed with a reason and only ever shrink."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for pattern in ("libs/*/src/**/*.py", "services/*/src/**/*.py") for path in ROOT.glob(pattern)
)
LONG_FILES: dict[str, str] = {}
"""Path -> why it may have more than 250 lines."""
LONG_FUNCTIONS: dict[str, str] = {
    "libs/common/src/common/app.py:running": "the lifecycle is read top to bottom, in one place",
}
"""path:function -> why it may have more than 40 lines."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_no_file_is_longer_than_a_room() -> None:
    long = {name(path) for path in SOURCES if len(path.read_text().splitlines()) > 250}
    assert long == set(LONG_FILES)


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name(path)}:{function.name}"
        for path in SOURCES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno + 1 > 40 and function.name != "routes"
    }
    assert long == set(LONG_FUNCTIONS)


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name(path)
        for path in SOURCES
        if path.name != "__init__.py" and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_there_is_no_attic() -> None:
    assert [name(path) for path in SOURCES if path.stem in {"helpers", "utils", "misc", "util"}] == []


@pytest.mark.parametrize("service", ["identity", "provisioning", "licensing", "relay", "gateway"])
def test_every_service_has_its_page(service: str) -> None:
    page = (ROOT / "services" / service / "README.md").read_text().lower()
    assert all(word in page for word in ("owns", "answers", "says", "hears"))


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_links_in_the_documents_lead_somewhere() -> None:
    pages = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("services/*/README.md"),
        *ROOT.glob("deploy/*.md"),
    ]
    dead = [
        f"{name(page)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []


def test_locks_carry_hashes_and_no_registry() -> None:
    for lock in ROOT.glob("requirements/*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_generated_tables_are_current() -> None:
    from devstack.tables import TABLES

    stale = [str(path) for path, make in TABLES.items() if (ROOT / path).read_text() != make()]
    assert stale == [], "run: .venv/bin/python -m devstack.tables"


def test_speakers_know_who_hears_them() -> None:
    from common.contracts import EVENTS, READERS
    from devstack.roster import SERVICES as ALL
    from devstack.tables import subscriptions

    tables = {reader: subscriptions(reader) for reader in ALL if reader != "gateway"}
    assert {reader: {event.wire for event in events} for reader, events in READERS.items()} == {
        reader: wires for reader, wires in tables.items() if wires
    }, "common.contracts.READERS differs from the services' tables of consumers"
    assert all(wires <= EVENTS.keys() for wires in tables.values())


def test_no_secret_is_committed() -> None:
    found = subprocess.run(
        ["git", "grep", "-nE", "BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert [line for line in found.stdout.splitlines() if "tests/architecture" not in line] == []
