"""The listings that a newcomer copies do run."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LISTINGS = [
    pytest.param(code, id=f"{name}-{i}")
    for name in ("README.md", "book/how-to-run.md")
    for i, code in enumerate(
        re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf8"), re.S | re.M)
    )
]


@pytest.mark.parametrize("code", LISTINGS)
def test_listing_runs(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "listing", "exec"), {})
    assert capsys.readouterr().out.strip() or os.listdir(tmp_path)


def test_there_are_listings():
    assert len(LISTINGS) >= 4
