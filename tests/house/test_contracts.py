"""The laws of the house: who may import whom, and what a folder called `core` may not do."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("kalshi_site", "dashboard", "backtests", "trading", "markets")
CORE = sorted(path for app in APPS for path in (ROOT / app).glob("core/**/*.py"))
IMPURE = {"open", "print", "input", "eval", "exec", "hash", "id", "breakpoint", "__import__", "globals", "vars"}
SETS = {"set", "frozenset"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 kept, 0 broken" in done.stdout


def test_there_is_a_core_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in CORE} == {"backtests", "trading", "markets"}


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_core_file_is_pure(path: Path) -> None:
    assert list(impurities(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_core_file_knows_whether_it_runs_live_or_in_a_backtest(path: Path) -> None:
    code = path.read_text().splitlines()
    known = [line for line in code if re.search(r"\b(live|back-?test(s|ing)?)\b", line, re.IGNORECASE)]
    if path.is_relative_to(ROOT / "backtests"):
        known = [line for line in known if "from backtests.core" not in line and "import backtests.core" not in line]
        known = [line for line in known if not re.search(r"back-?test", line, re.IGNORECASE)]  # its own name
    assert known == []


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "open('x')",
        "key = hash('KXBTC15M')",
        "for ticker in {'a', 'b'}: pass",
        "names = [name for name in set(rows)]",
        "def f(a: set[str]) -> None:\n    for name in a: pass",
        "seen = set()\nfor name in seen: pass",
        "for name in set(a) | set(b): pass",
        "for name in a.keys() - b.keys(): pass",
        "rows = list({1, 2})",
        "text = ','.join({'a', 'b'})",
        "def f():\n    import os",
    ],
)
def test_the_reader_of_core_files_sees(source: str) -> None:
    assert list(impurities(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "for ticker in sorted({'a', 'b'}): pass",
        "seen = set()\nfound = 'a' in seen",
        "for name in {'a': 1}: pass",
        "self.open(1)",
        "def id_of(x): return x.id",
        "for price in a - b: pass",
    ],
)
def test_the_reader_of_core_files_lets_pass(source: str) -> None:
    assert list(impurities(ast.parse(source))) == []


@pytest.mark.parametrize("app", ["markets", "trading", "backtests"])
def test_the_package_of_an_app_is_empty_so_that_its_core_stays_pure(app: str) -> None:
    assert (ROOT / app / "__init__.py").read_text() == ""


def test_nothing_is_imported_inside_a_function() -> None:
    """But numba and optuna: they take a second and a hundred megabytes, and only who compiles or searches may pay for it. And in a program that
    sets Django up by itself: what needs Django can be imported only then."""
    found = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        for function in functions_of(path)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        and not any(name in ast.unparse(inner) for name in ("numba", "optuna"))
    ]
    assert found == []


def functions_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All its functions; none of a program one of whose functions sets Django up."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = [ast.unparse(node) for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [] if "django.setup()" in calls else functions


def test_every_module_says_in_one_line_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
        and path.read_text().strip()
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    paths = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    assert [str(path.relative_to(ROOT)) for path in paths if len(path.read_text().splitlines()) > 300] == []


def impurities(tree: ast.Module) -> Iterator[str]:
    """What a core file may not do, with the line: impure builtins, in-function imports, the order of a set."""
    sets = names_of_sets(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE:
            yield f"line {node.lineno}: {node.func.id}()"
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(node)
        ):
            yield f"line {node.lineno}: an import inside a function"
        for taken in walked_through(node):
            if is_set(taken, sets):
                yield f"line {taken.lineno}: the order of a set"


def names_of_sets(tree: ast.Module) -> set[str]:
    """Names and attributes that hold a set anywhere in this file, by value or by annotation."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_set(node.value, set()):
            found |= {spelled(target) for target in node.targets}
        if isinstance(node, ast.AnnAssign) and is_set_type(node.annotation):
            found.add(spelled(node.target))
        if isinstance(node, ast.arg) and node.annotation is not None and is_set_type(node.annotation):
            found.add(node.arg)
    return found


def walked_through(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose order a loop, a comprehension or a call such as list() depends on."""
    if isinstance(node, ast.For | ast.comprehension):
        yield node.iter
    if isinstance(node, ast.Starred):
        yield node.value
    if isinstance(node, ast.Call) and node.args:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        joins = isinstance(node.func, ast.Attribute) and node.func.attr in {"join", "extend", "fromkeys", "pop"}
        if name in {"list", "tuple", "iter", "next", "enumerate", "zip", "map", "filter", "deque"} or joins:
            yield from node.args


def is_set(node: ast.expr, names: set[str]) -> bool:
    """Whether an expression is, as far as one file can tell, a set."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return node.func.id in SETS
        return isinstance(node.func, ast.Attribute) and node.func.attr in SET_METHODS
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return any(is_set(side, names) or is_keys(side) for side in (node.left, node.right))
    return spelled(node) in names


def is_keys(node: ast.expr) -> bool:
    """rows.keys(): in order by itself, a set once it is combined."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"keys", "items"}


def is_set_type(annotation: ast.expr) -> bool:
    """set, set[str], frozenset[str]"""
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(outer, ast.Name) and outer.id in SETS


def spelled(node: ast.expr) -> str:
    """`seen` and `self.seen` as text; other targets as nothing."""
    if isinstance(node, ast.Name):
        return node.id
    return f".{node.attr}" if isinstance(node, ast.Attribute) else ""
