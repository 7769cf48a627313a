"""environment.yml, the pins and the README say what pyproject.toml says."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
CONDA_NAME = {"matplotlib": "matplotlib-base"}  # PyPI's name → conda-forge's
# Only for our own checks.
NO_CONDA = {"types-pyyaml", "py-rattler", "playwright", "axe-playwright-python"}


def requirements():
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *extras["book"], *extras["inference"], *extras["test"]]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in found}


def conda_lines():
    data = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
    lines = [d for d in data["dependencies"] if isinstance(d, str)]
    (pip,) = (d["pip"] for d in data["dependencies"] if isinstance(d, dict))
    return lines, pip


def test_conda_asks_for_the_same():
    lines, pip = conda_lines()
    have = {r.name: str(r.specifier) for r in map(Requirement, lines[2:])}
    want = {
        CONDA_NAME.get(name, name): str(r.specifier)
        for name, r in requirements().items()
        if name not in NO_CONDA
    }
    assert have == want
    assert lines[:2] == ["python=3.11", "pip"]
    assert pip == ["-e ."]


@pytest.mark.parametrize("line", conda_lines()[0])
def test_each_line_is_a_conda_specification(line):
    rattler = pytest.importorskip("rattler")
    rattler.MatchSpec(line, strict=True)


def test_pins_satisfy_what_is_asked():
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
        if not line.startswith("#")
    )
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    for name, requirement in requirements().items():
        assert name in pinned, f"{name} is not pinned"
        assert pinned[name] in requirement.specifier


def test_the_readme_gives_a_reason_for_every_dependency():
    table = (ROOT / "README.md").read_text(encoding="utf8")
    listed = set(re.findall(r"^\| `?([\w-]+)`? \|", table, re.M))
    names = {canonicalize_name(n) for n in listed}
    assert set(requirements()) <= names


def test_no_path_of_one_machine():
    import subprocess

    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in files:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yml", ".toml", ".css", "") and path.is_file():
            text = path.read_text(encoding="utf8", errors="ignore")
            found = re.search(r"(?<![\w.:/])/(?:work|tmp|root|home)/", text)
            assert not found, f"{name}: {found}"
