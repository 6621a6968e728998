"""`python -m tests.benchmarks`: see `tests.benchmarks.runner`."""

import sys

from tests.benchmarks.runner import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
