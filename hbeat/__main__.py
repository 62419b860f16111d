"""python -m hbeat"""

import sys

from hbeat.cli import main

sys.exit(main())
