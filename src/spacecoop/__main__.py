"""``python -m spacecoop`` is the same as ``spacecoop``."""

import sys

try:
    from spacecoop.cli import main
except KeyboardInterrupt:  # before there is anything that could tell it better
    sys.exit(130)

sys.exit(main())
