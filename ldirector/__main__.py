"""python -m ldirector: the command ldirectord."""

import sys

from ldirector.cli import main

sys.exit(main())
