"""`python3 -m tests.stage …`, run by any Python 3.10–3.13; provisions first and goes on in the stage's own Python."""

import sys

from tests.stage.cli import main

sys.exit(main(sys.argv[1:]))
