"""Measuring honestly on a machine that others use too.

Absolute speeds move by two between runs; ratios of arms that take turns do not. So arms run A B C A B C …, each
round gives one ratio per arm to the baseline, and the median of those is what counts. When the baseline itself
swings by more than 1.6, the result says so and proves nothing.

    found = compare("Intake, batches of 1000", [Arm("copy", copy), Arm("http", post)], unit="calls", baseline="copy")
    found.goal("http", at_least=0.60)
"""

from __future__ import annotations

import json
import resource
import statistics
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOISY = 1.6
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of doing the work. `run` does it and returns how many units it did; `prepare` is not timed."""

    name: str
    run: Callable[[], int]
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed run."""

    units: int
    seconds: float
    own_cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.units / self.seconds


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio has to be, and what it was."""

    title: str
    arm: str
    ratio: float
    at_least: float
    proven: bool

    @property
    def reached(self) -> bool:
        return self.ratio >= self.at_least


@dataclass
class Comparison:
    """Samples of every arm, round by round."""

    title: str
    unit: str
    baseline: str
    meaning: str
    samples: dict[str, list[Sample]]
    goals: list[Goal] = field(default_factory=list)

    def ratios(self, arm: str) -> list[float]:
        """Return the arm's speed over the baseline's, one per round."""
        pairs = zip(self.samples[arm], self.samples[self.baseline], strict=True)
        return [own.rate / limit.rate for own, limit in pairs]

    def ratio(self, arm: str) -> float:
        """Return the median of the rounds' ratios."""
        return statistics.median(self.ratios(arm))

    @property
    def spread(self) -> float:
        """How far the baseline's own speeds lie apart (largest over smallest)."""
        rates = [sample.rate for sample in self.samples[self.baseline]]
        return max(rates) / min(rates)

    def goal(self, arm: str, *, at_least: float) -> None:
        """State what the ratio has to be; the run fails when a proven ratio stays below."""
        goal = Goal(self.title, arm, self.ratio(arm), at_least, proven=self.spread <= NOISY)
        self.goals.append(goal)
        verdict = "reached" if goal.reached else "MISSED"
        print(f"  goal: {arm} >= {at_least:g} x {self.baseline}: {goal.ratio:.2f} {verdict}", flush=True)

    def show(self) -> None:
        """Print a table of the arms."""
        print(f"\n{self.title}")
        if self.meaning:
            print(textwrap.fill(self.meaning, 110, initial_indent="  ", subsequent_indent="  "))
        width = max(len(name) for name in self.samples)
        for name, samples in self.samples.items():
            rates = sorted(sample.rate for sample in samples)
            ratios = self.ratios(name)
            cpu = statistics.median(sample.own_cpu_seconds / sample.units for sample in samples) * 1e6
            print(
                f"  {name:<{width}}  {statistics.median(rates):>12,.0f} {self.unit}/s"
                f"  ({rates[0]:,.0f} to {rates[-1]:,.0f})  own cpu {cpu:,.1f} us/{self.unit.rstrip('s')}"
                f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )
        if self.spread > NOISY:
            print(f"  noisy: the baseline's own speeds differ by {self.spread:.1f}; repeat on a quieter machine")

    def as_json(self) -> dict[str, Any]:
        """Return what a report needs."""
        arms = {
            name: {"rates": [round(sample.rate, 1) for sample in samples], "ratio": round(self.ratio(name), 3)}
            for name, samples in self.samples.items()
        }
        goals = [{"arm": g.arm, "at_least": g.at_least, "ratio": round(g.ratio, 3)} for g in self.goals]
        return {
            "title": self.title, "meaning": self.meaning, "unit": self.unit, "baseline": self.baseline, "arms": arms,
            "goals": goals, "noisy": self.spread > NOISY,
        }  # fmt: skip


_done: list[Comparison] = []


def compare(
    title: str,
    arms: Sequence[Arm],
    *,
    unit: str,
    baseline: str,
    meaning: str = "",
    rounds: int = ROUNDS,
    warm_up: bool = True,
) -> Comparison:
    """Run the arms in turns, print and remember the result. `meaning` says what a ratio of 1 would be."""
    samples: dict[str, list[Sample]] = {arm.name: [] for arm in arms}
    for number in range(-1 if warm_up else 0, rounds):
        for arm in arms:
            sample = _timed(arm)
            if number >= 0:
                samples[arm.name].append(sample)
    found = Comparison(title, unit, baseline, meaning, samples)
    found.show()
    _done.append(found)
    return found


def finish(folder: Path) -> int:
    """Write what was measured to `folder` as JSON; return how many proven goals were missed."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "benchmarks.json"
    target.write_text(json.dumps([found.as_json() for found in _done], indent=1) + "\n")
    goals = [goal for found in _done for goal in found.goals]
    missed = [goal for goal in goals if goal.proven and not goal.reached]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals reached or unproven; figures in {target}")
    for goal in missed:
        print(f"  missed: {goal.title}: {goal.arm} {goal.ratio:.2f}, goal {goal.at_least:g}")
    return len(missed)


def _timed(arm: Arm) -> Sample:
    arm.prepare()
    cpu, started = _own_cpu(), time.perf_counter()
    units = arm.run()
    return Sample(units, time.perf_counter() - started, _own_cpu() - cpu)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
