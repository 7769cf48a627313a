"""What several files of tests share: the site, built once, and one browser, offline."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def built():
    """The book, built as `make book` does: warnings are errors."""
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [tool, "build", ".", "-n", "-W", "--keep-going"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done


@pytest.fixture(scope="session")
def browser():
    """One for the session: a second of Playwright's synchronous kind may not start beside it."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", offline]
        )
        yield started
        started.close()
