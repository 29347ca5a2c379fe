"""Choosing where the work is done."""

from __future__ import annotations

import pytest
import torch

from latentlab.core.errors import ConfigError
from latentlab.models import device


def test_the_cpu_is_always_there_and_the_last_resort():
    assert device.available()[-1] == "cpu"
    assert device.choose("auto") == device.available()[0]
    assert device.choose("cpu") == "cpu"


def test_a_device_that_is_not_there_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"^training\.device: this machine has no cuda; it has .*cpu\.$"):
        device.choose("cuda")


def test_cuda_comes_before_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.available() == ["cuda", "cpu"] and device.choose("auto") == "cuda"


def test_devices_are_named_for_the_toolbar(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert device.describe("cpu") == "CPU · 2 threads"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert device.describe("cpu") == "CPU · 1 thread"
    assert device.describe("mps") == "Apple GPU"
