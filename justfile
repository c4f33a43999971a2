# The commands of this project; .ci/run calls the same ones.

# everything that CI runs
default: lint types test

lint:
    ruff check src tests docs benchmarks
    ruff format --check src tests docs benchmarks

types:
    mypy

# all tests; `just test -m "not real and not slow"` for the fast ones
test *arguments:
    python -m pytest {{ arguments }}

# rewrite what is generated from the code (docs/reference, the tree in the README)
docs:
    python docs/generate.py

