"""Environment variables through which the runs of one plan know of each other."""

STAGES = "POLYBENCH_STAGES"
"""JSON: name of a stage -> the file with its backbone."""
COMMAND = "POLYBENCH_COMMAND"
"""The command that gets a run again, where it is not that of the run itself."""
