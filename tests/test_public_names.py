"""The package as a newcomer meets it: quick to import, documented, no surprises."""

import inspect
import pkgutil
import subprocess
import sys

import pytest

import nmm

OBJECTS = {
    name: getattr(nmm, name)
    for name in nmm.__all__
    if not name.startswith("_") and not inspect.ismodule(getattr(nmm, name))
}


def test_import_is_fast_and_loads_nothing_heavy():
    code = (
        "import sys, time; t = time.perf_counter(); import nmm; t = time.perf_counter() - t; "
        "print(t, *(m for m in ('numpy', 'numba', 'sympy', 'matplotlib') if m in sys.modules))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    seconds = [float(run.stdout.split()[0]) for run in runs]
    assert min(seconds) < 0.5
    assert runs[0].stdout.split()[1:] == []


@pytest.mark.parametrize("name", OBJECTS)
def test_public_names_are_documented(name):
    text = inspect.getdoc(OBJECTS[name]) or ""
    first = text.splitlines()[0]
    assert first.endswith("."), f"{name}: one sentence first"
    parameters = [
        p for p in inspect.signature(OBJECTS[name]).parameters if p not in ("args", "kwargs")
    ]
    if parameters:
        assert "Parameters\n----------" in text
        missing = [p for p in parameters if p not in text]
        assert not missing


def test_no_module_bears_the_name_of_a_public_function():
    modules = {m.name for m in pkgutil.iter_modules(nmm.__path__)}
    functions = {name for name, value in OBJECTS.items() if callable(value)}
    assert not modules & functions


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="it has"):
        _ = nmm.canonical_microcircuit_of_jansen


def test_dir_lists_the_public_names():
    assert set(nmm.__all__) <= set(dir(nmm))
