"""`python -m polybench`, the same as the console script."""

from polybench.cli.main import main

main()
