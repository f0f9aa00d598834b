"""Cases, what is wrong in each, and the table of the groups."""

import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from breaking.forkserver import HUNG, Ended
from breaking.material import Bench

Faults = list[str]
"""What is wrong, each as "kind: detail"; empty where all is right."""


@dataclass(frozen=True)
class Case:
    """One attack.

    Attributes:
        name: What is done.
        attack: Does it, and says what is wrong.
    """

    name: str
    attack: Callable[[], Faults]


@dataclass(frozen=True)
class Group:
    """Attacks of one kind.

    Attributes:
        name: As the command line says it.
        summary: What is attacked.
        cases: Makes the cases.
        few: How many of them, evenly spread, make the short selection; 0 leaves the group out of it.
    """

    name: str
    summary: str
    cases: Callable[[Bench], list[Case]]
    few: int = 2


@dataclass(frozen=True)
class Count:
    """How a group went: right cases, all cases, cases by kind of fault, and seconds."""

    right: int
    total: int
    kinds: Counter[str]
    seconds: float


def spread(total: int, count: int) -> list[int]:
    """Up to `count` numbers below `total`, evenly spread from the first to the last; one alone is in the middle."""
    if total <= count:
        return list(range(total))
    if count == 1:
        return [total // 2]
    return sorted({round(k * (total - 1) / (count - 1)) for k in range(count)})


@dataclass(frozen=True)
class Choice:
    """Which cases of a group to run.

    Attributes:
        only: Their numbers; none means all.
        match: A regular expression that is found in their names.
        short: The short selection.
    """

    only: Sequence[int] = ()
    match: str = ""
    short: bool = False

    def of(self, group: Group, cases: Sequence[Case]) -> list[int]:
        """Numbers of the chosen cases."""
        found = [number for number, case in enumerate(cases) if re.search(self.match, case.name)]
        if self.only:
            return [number for number in found if number in self.only]
        return [found[k] for k in spread(len(found), group.few)] if self.short else found


def run_group(group: Group, bench: Bench, choice: Choice, say: Callable[[str], None]) -> Count:
    """Run a group's cases, and say what is wrong in each.

    Args:
        group: The group.
        bench: What the cases work on.
        choice: Which cases.
        say: Takes a line of the report.
    """
    start = time.monotonic()
    cases = group.cases(bench)
    numbers = choice.of(group, cases)
    kinds: Counter[str] = Counter()
    right = 0
    for number in numbers:
        faults = _attacked(cases[number])
        right += not faults
        kinds.update({fault.partition(":")[0] for fault in faults})
        if faults:
            say(f"{group.name} --only {number}: {cases[number].name}")
            for fault in faults:
                say(f"    {fault}")
    return Count(right, len(numbers), kinds, time.monotonic() - start)


def _attacked(case: Case) -> Faults:
    try:
        return case.attack()
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return [f"not judged: {type(error).__name__} in {last.name}: {error}"]


def line(name: str, count: Count) -> str:
    """The line of a group in the table."""
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(count.kinds.items()))
    return f"{name:<20} {count.right:>3} of {count.total:<3} {count.seconds:6.0f} s  {kinds}".rstrip()


def crashes(ended: Ended) -> Faults:
    """What no command may end with: a traceback, a signal, or no end at all."""
    if ended.code == HUNG:
        return ["hung: the command didn't end in time"]
    if "Traceback (most recent call last)" in ended.said:
        return [f"traceback: {last_line(ended.err)}"]
    return [f"killed: by signal {-ended.code}"] if ended.code < 0 else []


def last_line(text: str) -> str:
    """The last line that isn't empty, shortened."""
    return next((one.strip()[:300] for one in reversed(text.splitlines()) if one.strip()), "")


def refused(ended: Ended, codes: Iterable[int] = (1, 2), names: Sequence[str] = ()) -> Faults:
    """What is wrong with a refusal, which must be one sentence.

    Args:
        ended: The command.
        codes: Exit codes that are right.
        names: Words of which the sentence must have one.
    """
    faults = crashes(ended)
    if faults:
        return faults
    if ended.code == 0:
        return [f"accepted: {last_line(ended.out)}"]
    sentence = ended.sentence
    if not sentence:
        return [f"no sentence: {last_line(ended.err)}"]
    if ended.code not in codes:
        faults.append(f"exit code: {ended.code} with '{sentence[:200]}'")
    if names and not any(name in sentence for name in names):
        faults.append(f"unnamed: none of {', '.join(names)} in '{sentence[:300]}'")
    return faults
