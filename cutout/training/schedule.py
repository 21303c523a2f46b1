"""How many steps a run has, from the time that its steps take."""

from dataclasses import dataclass, replace

from cutout.training.settings import TrainSettings

# A full step takes about this many times as long as one of the inner stages.
FULL_COST = 4.0
# Before this, the time of a step says nothing yet.
TIMED_STEPS = 3
# Weight of the last step in the running mean of their times: the first ones also read the images.
NEWEST = 0.2


@dataclass
class Clock:
    """Seconds spent, and those of one step of the inner stages by a running mean of all steps."""

    spent: float = 0.0
    unit: float | None = None

    def add_step(self, seconds: float, full: bool) -> None:
        """Count a step with the wait for its images."""
        self.spent += seconds
        unit = seconds / (FULL_COST if full else 1.0)
        self.unit = unit if self.unit is None else self.unit + NEWEST * (unit - self.unit)

    def seconds_left(self, settings: TrainSettings, step: int) -> float:
        """Seconds that the steps after `step` will take."""
        return (self.unit or 0.0) * (_cost(settings) - _cost(settings, step))

    def fitted(self, plan: TrainSettings, now: TrainSettings, step: int) -> TrainSettings:
        """`now` with as many steps of `plan` as `minutes` allow, those done included.

        The phase that is over keeps its steps. plan: as it was asked for.
        """
        if plan.minutes is None or not self.unit or step < TIMED_STEPS:
            return now
        affordable = _cost(now, step) + (60 * plan.minutes - self.spent) / self.unit
        if step >= now.inner_steps:
            full = int((affordable - now.inner_steps) / FULL_COST)
            done = step - now.inner_steps
            return replace(now, full_steps=min(plan.full_steps, max(full, done, 1)))
        share = min(1.0, affordable / _cost(plan))
        inner = max(int(plan.inner_steps * share), step)
        return replace(now, inner_steps=inner, full_steps=max(int(plan.full_steps * share), 1))


def _cost(settings: TrainSettings, step: int | None = None) -> float:
    """Of the steps up to `step`, or of all, in steps of the inner stages."""
    done = settings.steps if step is None else min(step, settings.steps)
    inner = min(done, settings.inner_steps)
    return inner + FULL_COST * (done - inner)
