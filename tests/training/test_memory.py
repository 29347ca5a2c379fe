"""Where memory does not suffice."""

from __future__ import annotations

import contextlib
import platform

import numpy as np
import pytest
import torch

from latentlab.training import checkpoint, loop, memory
from latentlab.training.events import Done, Edited, OutOfMemory, Paused, Preview, Saved


def _weights(model):
    return {f"{n}.{k}": t.clone() for n, net in model.nets.items() for k, t in net.state_dict().items()}


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _limit(model, most, from_step=0, midway=False):
    """Steps of more than `most` images fail, before anything moved or after the first optimizer did."""
    learn = model.step

    def patched(batch, labels):
        if model.step_count >= from_step and len(batch) > most:
            if midway:
                next(iter(model.optimizers().values())).step()
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return learn(batch, labels)

    model.step = patched


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_is_a_lack_of_memory(error, expected):
    assert memory.is_out_of_memory(error) is expected


def test_the_cpu_s_own_error_is_one():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**55)
    assert memory.is_out_of_memory(raised.value)


def test_memory_of_this_process_grows_with_what_it_holds():
    before = memory.taken(torch.device("cpu"))
    held = np.ones(20_000_000)
    assert memory.taken(torch.device("cpu")) - before > 0.8 * held.nbytes


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_pages_are_kept_for_the_next_step_and_given_back_at_the_end():
    import resource  # which Windows lacks

    def faults() -> int:
        """Pages mapped anew while blocks of 24 MiB come and go."""
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            blocks = [torch.zeros(6 << 20) for _ in range(3)]
            del blocks
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with memory.kept_pages():
        faults()
        held = memory.taken(torch.device("cpu"))
        kept = faults()
    assert memory.taken(torch.device("cpu")) < held - (40 << 20)
    assert faults() > 10 * kept + 1000


def test_a_batch_that_does_not_fit_ends_the_training_with_one_that_does(start):
    run = start(batch_size=20)
    at_first, noise = _weights(run.model), run.model.generator.get_state()
    _limit(run.model, 6)
    events = list(run.events)
    assert [type(e) for e in events] == [Preview, Saved, Saved, OutOfMemory, Done]
    assert events[-2] == OutOfMemory(0, 20, 5)
    assert (events[-1].step, events[-1].reason) == (0, "memory")
    assert _same(at_first, _weights(run.model)) and torch.equal(noise, run.model.generator.get_state())
    assert (run.order.epoch, run.order.position) == (0, 0)


def test_no_step_that_was_done_is_lost(start, monkeypatch, model):
    monkeypatch.setattr(loop, "TELL_EVERY", 1e9)
    plain = start(steps=7)
    list(plain.events)
    run = start()
    _limit(run.model, 2, from_step=7)
    events = list(run.events)
    assert OutOfMemory(7, 4, 2) in events and events[-1].step == 7
    checkpoint.load(run.folder.latest_checkpoint(), other := model())
    assert _same(_weights(plain.model), _weights(other)) and _same(_weights(other), _weights(run.model))
    assert (run.order.epoch, run.order.position) == (plain.order.epoch, plain.order.position)
    for mine, theirs in zip(run.model.optimizers().values(), plain.model.optimizers().values(), strict=True):
        assert mine.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]
        for index, state in theirs.state_dict()["state"].items():
            assert _same(state, mine.state_dict()["state"][index])


def test_a_step_that_moved_weights_before_it_failed_costs_the_way_back_to_the_last_checkpoint(start):
    run = start()
    at_first = _weights(run.model)
    _limit(run.model, 2, from_step=7, midway=True)
    events = list(run.events)
    assert events[-2] == OutOfMemory(0, 4, 2) and events[-1].step == 0
    assert _same(at_first, _weights(run.model)) and run.folder.read_metrics() == {}


def test_a_discriminator_that_was_at_rest_learns_again(start):
    run = start("mlp-gan")
    learn = run.model.step

    def fails_midway(batch, labels):
        if len(batch) > 2:
            run.model.nets["discriminator"].requires_grad_(False)
            raise MemoryError
        return learn(batch, labels)

    run.model.step = fails_midway
    assert OutOfMemory(0, 4, 2) in list(run.events)
    assert all(p.requires_grad for p in run.model.nets["discriminator"].parameters())
    assert all(p.grad is None for net in run.model.nets.values() for p in net.parameters())


def test_where_not_even_the_smallest_batch_fits_it_says_0(start):
    run = start("dcgan", batch_size=8)
    sizes = []

    def never(batch, labels):
        sizes.append(len(batch))
        raise MemoryError

    run.model.step = never
    assert OutOfMemory(0, 8, 0) in list(run.events)
    assert sizes == [8, 4, 2]  # a dcgan needs two images


def test_where_somebody_waits_it_pauses_and_goes_on_with_a_smaller_batch(start):
    run = start(waits=True, batch_size=20)
    _limit(run.model, 6)
    events = []
    for event in run.events:
        events.append(event)
        if isinstance(event, OutOfMemory):
            fits = event.fits
        if isinstance(event, Paused):
            run.control.steer({"training.batch_size": fits})
            run.control.resume()
    assert len([e for e in events if isinstance(e, Edited)]) == 1
    assert (event.step, event.reason) == (12, "steps") and run.order.batch_size == 5


def test_a_batch_raised_while_it_trains_costs_nothing(start, monkeypatch):
    """Even where the first net had learned already: all was saved before the larger batch."""
    monkeypatch.setattr(loop, "TELL_EVERY", 0.0)
    run = start()
    _limit(run.model, 4, midway=True)
    at_five = {}
    for event in run.events:
        if getattr(event, "steps", None) is not None and event.step == 5:
            at_five = _weights(run.model)
            run.control.steer({"training.batch_size": 16})
        if isinstance(event, OutOfMemory):
            assert event == OutOfMemory(5, 16, 4) and _same(at_five, _weights(run.model))
    assert (event.step, event.reason) == (5, "memory")


def test_other_failures_of_a_step_are_none(start):
    run = start()

    def broken(batch, labels):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    run.model.step = broken
    with pytest.raises(RuntimeError, match="mat1"):
        list(run.events)
    with contextlib.suppress(StopIteration):
        next(run.events)
    hooks = [optimizer._optimizer_step_pre_hooks for optimizer in run.model.optimizers().values()]
    assert not any(hooks)
