"""`python -m polybench`, the same as the console script."""

import sys
from pathlib import Path

if sys.path[:1] == [str(Path.cwd())]:  # which -m puts first: there no module of a user's folder hides an installed one
    sys.path.append(sys.path.pop(0))

from polybench.cli.main import main

main()
