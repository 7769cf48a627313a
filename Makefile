# Two commands: make book, make test. Both make what they need; neither asks for more than a
# package index.
PYTHON := $(shell command -v python3.11)
BIN := .venv/bin
ifeq ($(PYTHON),)
$(error Python 3.11 is needed: the book's pins are for that release. Install it, or use conda: see README.md)
endif
.PHONY: book test pdf release publish check-site check-again format accept-figures clean

book: .venv/installed
	@echo "Running the chapters that are stale, then writing the pages (about five minutes from nothing)."
	@$(BIN)/jupyter-book build . -n -W --keep-going
	@echo "The book is ready: open _build/html/index.html"

test: .venv/installed
	@echo "Style and types."
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@echo "All tests: package, chapters, contracts, the built site (about a quarter of an hour)."
	@$(BIN)/pytest
	@echo "All tests passed. The site they looked at: _build/html/index.html"

check-site: .venv/installed
	@echo "Every page in Chromium, with axe-core, in light and dark; every notebook in a new environment."
	@$(BIN)/pytest tests/test_browser.py tests/test_notebooks.py -m 'slow or not slow'

# Linux only: in a name space of its own a process has no network but itself.
check-again: book
	@echo "Running every chapter again, with no network; each must give the same, to the last bit."
	@unshare -rn sh -c 'ip link set lo up && exec $(BIN)/python tools/run_again.py'

pdf: book
	@echo "Printing the whole book with Chromium (about a minute)."
	@$(BIN)/python tools/print_book.py

release: pdf
	@$(BIN)/python tools/release.py assets

# In the workflow, on a tag: the site to the branch gh-pages, the files to the tag's release.
publish:
	@$(BIN)/python tools/release.py publish
	@gh release create "$(TAG)" _build/release/* --verify-tag --title "$(TAG)" --notes-file CHANGELOG.md

format: .venv/installed
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

accept-figures: .venv/installed
	@$(BIN)/python tools/accept_figures.py

clean:
	rm -rf _build .venv

.venv/installed: pyproject.toml constraints.txt
	@echo "Making .venv with the book's pinned packages (about a minute)."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[book,test,inference]' -c constraints.txt
	@touch $@
