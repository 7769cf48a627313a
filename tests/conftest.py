"""What several files of tests share: the site, built once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def built():
    """The book, built as `make book` does: warnings are errors."""
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [tool, "build", ".", "--all", "-n", "-W", "--keep-going"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done
