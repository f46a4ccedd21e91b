"""What the losses were since the last look: their sums, what was not finite, and where."""

import pytest
import torch

from colorizer.training.record import LossRecord

ONE, BAD = torch.tensor(1.0), torch.tensor(float("inf"))


@pytest.fixture
def record() -> LossRecord:
    return LossRecord()


def test_what_is_finite_is_summed_and_counted(record):
    record.add(1, ["a", "b"], {"l1": ONE, "style": ONE * 3}, {})
    record.add(1, ["c"], {"l1": ONE * 2, "style": BAD}, {"generator": BAD})
    record.add(2, ["d"], {"l1": ONE, "style": ONE}, {"generator": ONE * 5})
    look = record.look()
    assert look.sums == {"loss/l1": 4.0, "loss/style": 4.0, "gradient/generator": 5.0}
    assert look.counts == {"loss/l1": 3, "loss/style": 2, "gradient/generator": 1}


def test_a_look_forgets(record):
    record.add(1, ["a"], {"l1": ONE}, {"generator": BAD})
    assert record.look().faults
    assert record.look() == ({}, {}, [])


def test_what_is_not_finite_is_named_with_its_step_and_samples(record):
    record.add(1, ["c"], {"l1": ONE, "style": BAD}, {"generator": BAD})
    record.add(2, [f"k{n}" for n in range(20)], {"l1": ONE}, {"generator": -BAD})
    first, second = record.look().faults
    assert first == "step 1: the style loss is inf (samples c)"  # its gradient is no news
    assert second.startswith("step 2: the generator's gradient is -inf (samples k0, ")
    assert second.endswith("k15 and 4 more)")


def test_updates_left_out_are_counted_in_a_row(record):
    for gradient in (BAD, BAD):
        record.add(1, ["a"], {}, {"generator": gradient, "discriminator": ONE})
    record.look()
    assert record.left_out == {"generator": 2, "discriminator": 0}
    record.add(2, ["a"], {}, {"generator": BAD})
    record.look()
    assert record.left_out["generator"] == 3
    record.add(3, ["a"], {}, {"generator": ONE})
    record.look()
    assert record.left_out["generator"] == 0


def test_where_fp16s_scaler_looks_for_its_scale_gradients_are_not_judged():
    record = LossRecord(judges_gradients=False)
    record.add(1, ["a"], {"l1": ONE}, {"generator": BAD})
    assert record.look().faults == [] and record.left_out == {}
    record.add(2, ["a"], {"l1": BAD}, {})
    assert record.look().faults == ["step 2: the l1 loss is inf (samples a)"]
