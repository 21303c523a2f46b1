import pytest

from cutout.errors import InvalidValue
from cutout.training.schedule import FULL_COST, Clock
from cutout.training.settings import TrainSettings, make_settings

PLAN = TrainSettings(inner_steps=140, full_steps=60, minutes=10)


def clock_after(steps, seconds):
    clock = Clock()
    for _ in range(steps):
        clock.add_step(seconds, full=False)
    return clock


def test_a_run_is_cut_to_its_minutes_in_both_phases():
    settings = clock_after(3, 5.0).fitted(PLAN, PLAN, 3)
    cost = 5.0 * (settings.inner_steps + FULL_COST * settings.full_steps)
    assert 570 <= cost <= 600
    assert settings.inner_steps / settings.full_steps == pytest.approx(140 / 60, rel=0.05)


def test_steps_come_back_once_they_are_faster():
    """The first ones also read the images and ask the teacher."""
    clock, settings, step = Clock(), PLAN, 0
    while step < settings.steps:
        seconds = 20.0 if step < 3 else 1.0 if step < settings.inner_steps else FULL_COST
        clock.add_step(seconds, full=step >= settings.inner_steps)
        step += 1
        settings = clock.fitted(PLAN, settings, step)
    assert settings == PLAN
    assert clock.spent < 600


def test_a_phase_that_is_over_keeps_its_steps():
    clock = clock_after(140, 3.0)
    settings = clock.fitted(PLAN, PLAN, 160)
    assert settings.inner_steps == 140
    assert 20 <= settings.full_steps < 60


def test_without_minutes_nothing_changes():
    plan = TrainSettings(minutes=None)
    assert clock_after(3, 1e6).fitted(plan, plan, 3) is plan


def test_a_wait_for_images_counts():
    clock = clock_after(10, 2.0)
    assert clock.spent == 20
    assert clock.seconds_left(PLAN, 10) == pytest.approx(2.0 * (130 + FULL_COST * 60))


def test_a_large_set_on_a_gpu_is_seen_often_and_validated_seldom():
    settings = make_settings(10_000, "cuda", False, {"batch": None})
    assert settings.batch == 12
    assert settings.steps == 10_000
    assert settings.validate_every == 200


def test_from_scratch_the_whole_network_is_trained_at_a_higher_rate():
    settings = make_settings(100, "cpu", True, {"steps": 50, "seed": 3})
    assert (settings.inner_steps, settings.full_steps) == (0, 50)
    assert settings.learning_rate == 1e-3
    assert settings.norm
    assert settings.seed == 3


def test_what_is_given_holds():
    given = {"steps": 50, "inner_share": 0.5, "learning_rate": 2e-4, "micro_batch": 99}
    settings = make_settings(100, "cpu", False, given)
    assert (settings.inner_steps, settings.full_steps) == (25, 25)
    assert settings.learning_rate == 2e-4
    assert settings.micro_batch == settings.batch


def test_even_with_inner_steps_alone_one_step_is_of_the_whole_network():
    assert make_settings(9, "cpu", False, {"inner_share": 1.0, "steps": 10}).full_steps == 1


def test_a_size_that_cannot_be_halved_is_refused():
    with pytest.raises(InvalidValue, match="multiple of 32"):
        make_settings(100, "cpu", False, {"size": 300})
