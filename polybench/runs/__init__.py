"""Many runs: a plan is an acyclic graph of ordinary runs, each of which has its record; never imports torch."""

from polybench.runs.execute import Outcome, execute
from polybench.runs.plan import Plan, Stage
from polybench.runs.plan_file import read_plan

__all__ = ["Outcome", "Plan", "Stage", "execute", "read_plan"]
