"""docs/security.md answers every requirement, and what it calls evidence exists."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
SOURCES = sorted(
    path for pattern in ("libs/*/src/**/*.py", "services/*/src/**/*.py") for path in ROOT.glob(pattern)
)
SECTIONS = {
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
}  # fmt: skip
"""Requirements of levels 1 and 2 in each section of OWASP ASVS 5.0: they are numbered without gaps."""
REQUIRED = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]
LINES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| \d+\.\d+\.\d+ \|", line)
]
REASONS = ("No test: ", "Not applicable: ")
OLD_HASHES_ALLOWED = {
    "services/relay/src/relay/domain/credentials.py": "TURN credentials are HMAC-SHA1 by convention",
}
WEAK = re.compile(r"\b(md5|sha1|MD5|SHA1|ECB|PKCS1v15|ARC4|TripleDES)\b")


@cache
def functions_of(path: str) -> frozenset[str]:
    """Names of a file's functions; none when there is no such file."""
    if not (ROOT / path).exists():
        return frozenset()
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def named(text: str) -> list[tuple[str, str]]:
    """File and name of the tests a text refers to."""
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)


def test_every_requirement_has_its_line_once() -> None:
    found = Counter(line[0] for line in LINES)
    assert [number for number in REQUIRED if found[number] != 1] == []
    assert found.keys() - set(REQUIRED) == set()


def test_every_line_says_what_is_asked_and_has_a_test_or_a_reason() -> None:
    bare = [
        line[0]
        for line in LINES
        if len(line) != 4 or not line[1] or not (named(line[3]) or line[3].startswith(REASONS))
    ]
    assert bare == []
    assert [line[0] for line in LINES if line[3] in REASONS] == []


def test_every_test_it_names_exists() -> None:
    claimed = named(PAGE)
    assert PAGE.count(".py::") == len(claimed)
    assert [f"{path}::{test}" for path, test in claimed if test not in functions_of(path)] == []


def test_no_weak_hash_is_used_outside_its_protocol() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and WEAK.fullmatch(node.attr))
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and WEAK.fullmatch(node.value))
    }
    assert found == set(OLD_HASHES_ALLOWED)


def test_nothing_that_is_kept_secret_comes_from_a_predictable_generator() -> None:
    """The module `random` is for those who play with the suite, never for the suite."""
    users = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and "random" in [alias.name for alias in node.names])
        or (isinstance(node, ast.ImportFrom) and node.module == "random")
    ]
    assert [path for path in users if not path.startswith("libs/devstack/")] == []
