"""Inputs of plans are plain data: found without the methods that declare them, and without torch."""

import subprocess
import sys
from pathlib import Path

PLAN = Path(__file__).parents[2] / "conf/plans/transfer_clinicdb.yaml"


def test_plan_is_read_without_torch() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nimport polybench.runs.run_plan\n"
        "from polybench.runs.plan_file import read_plan\n"
        f"plan = read_plan(Path({str(PLAN)!r}))\n"
        "assert plan.stages['S3+C2'].inputs == {'checkpoint': 'S3', 'classifier': 'C2'}\n"
        "sys.exit(sorted({'torch', 'lightning', 'polybench.methods.transfer'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
