"""`python -m smoke_test.probe`, and the console script `petsage-smoke-test`."""

import sys

from smoke_test.probe.cli import main

if __name__ == "__main__":
    sys.exit(main())
