"""``python -m spacecoop`` is the same as ``spacecoop``."""

import sys

from spacecoop.cli import main

sys.exit(main())
