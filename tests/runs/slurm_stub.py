"""Stand-ins for the commands of Slurm on one machine, of which tests link copies into a folder of the PATH.

`sbatch` reads the `#SBATCH` lines of a script and runs the tasks of its array one after the other, in a process of its
own that goes on alone, after the jobs that they depend on. `scancel --signal` sends the signal that the script asks for
before its time is over; `scontrol requeue` has a task start once more, with SLURM_RESTART_COUNT=1. State is in the
folder SLURM_STUB: `<number>.sh`, `<job>.state`, `<job>.pid`, `<job>.requeue`, and a line of `calls.txt` for each call.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol")
STATE = Path(os.environ.get("SLURM_STUB", "."))
ENDED = ("COMPLETED", "FAILED")
REFUSES = "REFUSES"


def link_commands(folder: Path) -> Path:
    """Put the commands into a folder."""
    folder.mkdir()
    for name in COMMANDS:
        path = folder / name
        path.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text()}")
        path.chmod(0o755)
    return folder


def option(script: str, name: str) -> str | None:
    found = re.search(rf"^#SBATCH --{name}=(.*)$", script, re.MULTILINE)
    return found.group(1).strip("'\"") if found else None


def jobs_of(number: str, script: str) -> list[str]:
    array = option(script, "array")
    if array is None:
        return [number]
    first, last = array.partition("%")[0].split("-")
    return [f"{number}_{index}" for index in range(int(first), int(last) + 1)]


def set_state(job: str, state: str) -> None:
    (STATE / f"{job}.next").write_text(state)
    (STATE / f"{job}.next").rename(STATE / f"{job}.state")


def queue() -> dict[str, bool]:
    """Job -> whether it has ended."""
    return {path.stem: path.read_text() in ENDED for path in sorted(STATE.glob("*.state"))}


def sbatch(words: list[str]) -> None:
    script = Path(words[-1]).read_text()
    if option(script, "partition") == REFUSES:
        print("sbatch: error: invalid partition specified: REFUSES", file=sys.stderr)
        sys.exit(1)
    number = str(100 + len(list(STATE.glob("*.sh"))))
    (STATE / f"{number}.sh").write_text(script)
    jobs = jobs_of(number, script)
    for job in jobs:
        set_state(job, "PENDING")
    print(f"Submitted batch job {number}", flush=True)
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for file in (0, 1, 2):
            os.dup2(null, file)
        run_array(number, script, jobs)


def waits(script: str) -> bool:
    """Whether a job that must have ended before, or a task of such an array, hasn't: `afterany`."""
    before = (option(script, "dependency") or "").split(":")[1:]
    return any(not ended for job, ended in queue().items() if job in before or job.partition("_")[0] in before)


def run_array(number: str, script: str, jobs: list[str]) -> None:
    """Run the tasks, once they may start."""
    while waits(script):
        time.sleep(0.02)
    for job in jobs:
        variables = {"SLURM_JOB_ID": number, "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "node1"}
        if "_" in job:
            variables |= {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": job.partition("_")[2]}
        set_state(job, "RUNNING")
        environment = {**os.environ, **variables, "STUB_JOB": job}
        code = subprocess.call(["/bin/bash", STATE / f"{number}.sh"], env=environment)
        if (STATE / f"{job}.requeue").exists():
            code = subprocess.call(
                ["/bin/bash", STATE / f"{number}.sh"], env={**environment, "SLURM_RESTART_COUNT": "1"}
            )
        set_state(job, "FAILED" if code else "COMPLETED")
    os._exit(0)


def srun(words: list[str]) -> None:
    """Become the task, whose output goes to the file that is named."""
    while words[0].startswith("--"):
        word = words.pop(0)
        if word == "--output":
            number, _, index = os.environ["STUB_JOB"].partition("_")
            names = {"%A": number, "%a": index, "%j": number, "%t": "0"}
            name = words.pop(0)
            for key, value in names.items():
                name = name.replace(key, value)
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(file, 1)
            os.dup2(file, 2)
    (STATE / f"{os.environ['STUB_JOB']}.pid").write_text(str(os.getpid()))
    of_a_step = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS": "1"}
    os.execvpe(words[0], words, {**os.environ, **of_a_step})


def squeue(words: list[str]) -> None:
    print("\n".join(job for job, ended in queue().items() if not ended))


def scancel(words: list[str]) -> None:
    """Send a task the signal of `--signal`, or SIGTERM where the first word is `--term`."""
    script = (STATE / f"{words[-1].partition('_')[0]}.sh").read_text()
    name = "TERM" if words[0] == "--term" else str(option(script, "signal")).partition("@")[0]
    os.kill(int((STATE / f"{words[-1]}.pid").read_text()), getattr(signal, f"SIG{name}"))


def scontrol(words: list[str]) -> None:
    (STATE / f"{words[-1]}.requeue").touch()


if __name__ == "__main__":
    command = Path(sys.argv[0]).name
    with (STATE / "calls.txt").open("a") as calls:
        calls.write(" ".join([command, *sys.argv[1:]]) + "\n")
    {"sbatch": sbatch, "srun": srun, "squeue": squeue, "scancel": scancel, "scontrol": scontrol}[command](sys.argv[1:])
