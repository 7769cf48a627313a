"""Each notebook that the site offers, run in a new environment: the wheel and a kernel, no more."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from nmm.companion import chapters as book

ROOT = Path(__file__).resolve().parents[1]
# Only what the new environment has: nothing of this checkout, no kernel of the user's. One thread
# of linear algebra, as how-to-run tells a reader and as the book's own runs have.
SETTINGS = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
    "JUPYTER_PREFER_ENV_PATH": "1",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture(scope="module")
def fresh(built, tmp_path_factory):
    """Folder of the programs of a new environment."""
    folder = tmp_path_factory.mktemp("fresh")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, ROOT], check=True)
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    pins = ["-c", ROOT / "constraints.txt"]
    wanted = [*folder.glob("nmm-*.whl"), "ipykernel", "nbclient"]
    install = [programs / "python", "-m", "pip", "install", "--quiet", *pins, *wanted]
    subprocess.run(install, env=SETTINGS, check=True)
    return programs


@pytest.mark.slow
@pytest.mark.parametrize("name", [chapter.name for chapter in book.chapters()])
def test_a_notebook_runs_by_itself(fresh, name, tmp_path):
    def done(*line):
        return subprocess.run(
            line, cwd=tmp_path, env=SETTINGS, capture_output=True, text=True, check=False
        )

    home = done(fresh / "python", "-c", "import nmm; print(nmm.__file__)").stdout
    assert home.startswith(str(fresh.parent))
    notebook = ROOT / "_build" / "html" / "_sources" / "book" / f"{name}.ipynb"
    ran = done(fresh / "jupyter-execute", notebook)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert not list(tmp_path.iterdir())
