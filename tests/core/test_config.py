from typing import Literal

import pytest
from pydantic import ValidationError, field_validator

from latentlab.core.config import Config, describe, expectation, load_toml, parse, setting
from latentlab.core.errors import ConfigError


class Example(Config):
    latent_size: int = setting(64, "Latent size", "Numbers in a latent.", ge=1, le=512)
    rate: float = setting(2e-4, "Learning rate", "Step length.", ge=0, log=True, zero="off")
    width: float = setting(1.0, "Width", "How wide.", le=2, unit="px")
    loss: Literal["hinge", "wgan"] = setting("hinge", "Loss", "Which.", labels={"wgan": "Wasserstein"})
    ema: bool = setting(True, "EMA", "Average the weights.")
    note: str = setting("", "Note", "Anything.")
    even: int = setting(2, "Even", "An even number.")

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("an even number")
        return value


def test_text_from_a_form_or_a_flag_becomes_numbers():
    found = parse(Example, {"latent_size": "8", "rate": "1e-3", "ema": "false", "even": 4}, "model")
    assert found == Example(latent_size=8, rate=1e-3, ema=False, even=4)


def test_configs_are_frozen():
    with pytest.raises(ValidationError):
        Example().latent_size = 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latent_sise": 3}, "model has no setting 'latent_sise': did you mean latent_size?"),
        (
            {"zzz": 3},
            "model has no setting 'zzz': it has latent_size, rate, width, loss, ema, note, even.",
        ),
        ({"latent_size": 0}, "model.latent_size: 0 is not allowed; expected a whole number from 1 to 512."),
        (
            {"latent_size": 2.5},
            "model.latent_size: 2.5 is not allowed; expected a whole number from 1 to 512.",
        ),
        (
            {"latent_size": "many"},
            "model.latent_size: 'many' is not allowed; expected a whole number from 1 to 512.",
        ),
        (
            {"latent_size": None},
            "model.latent_size: None is not allowed; expected a whole number from 1 to 512.",
        ),
        ({"rate": -1}, "model.rate: -1 is not allowed; expected a number of at least 0."),
        ({"rate": float("nan")}, "model.rate: nan is not allowed; expected a number of at least 0."),
        ({"rate": "inf"}, "model.rate: 'inf' is not allowed; expected a number of at least 0."),
        ({"width": 3}, "model.width: 3 is not allowed; expected a number of at most 2."),
        ({"loss": "l2"}, "model.loss: 'l2' is not allowed; expected one of hinge, wgan."),
        ({"ema": "perhaps"}, "model.ema: 'perhaps' is not allowed; expected true or false."),
        ({"note": 3}, "model.note: 3 is not allowed; expected text."),
        ({"even": 3}, "model.even: 3 is not allowed; expected an even number."),
        ({"even": "x"}, "model.even: 'x' is not allowed; expected a whole number."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(values, message):
    with pytest.raises(ConfigError) as caught:
        parse(Example, values, "model")
    assert str(caught.value) == message


def test_describe():
    fields = {field.name: field for field in describe(Example)}
    assert list(fields) == ["latent_size", "rate", "width", "loss", "ema", "note", "even"]
    kinds = [field.kind for field in fields.values()]
    assert kinds == ["int", "float", "float", "choice", "bool", "text", "int"]
    size = fields["latent_size"]
    assert (size.minimum, size.maximum, size.default) == (1, 512, 64)
    assert (size.title, size.help) == ("Latent size", "Numbers in a latent.")
    assert fields["rate"].log and fields["rate"].zero == "off" and fields["rate"].maximum is None
    assert fields["width"].unit == "px"
    assert fields["loss"].choices == ("hinge", "wgan")
    assert [fields["loss"].label(choice) for choice in ("hinge", "wgan")] == ["hinge", "Wasserstein"]
    assert expectation(fields["even"]) == "a whole number"


def test_large_bounds_are_written_out():
    class Large(Config):
        seed: int = setting(0, "Seed", "Any.", ge=0, le=2**32 - 1)
        rate: float = setting(0, "Rate", "Any.", ge=1e-6, le=0.5)

    seed, rate = describe(Large)
    assert expectation(seed) == "a whole number from 0 to 4294967295"
    assert expectation(rate) == "a number from 1e-06 to 0.5"


def test_toml(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('[model]\nlatent_size = 8\nnote = "π"\n', "utf-8")
    assert load_toml(path) == {"model": {"latent_size": 8, "note": "π"}}
    with pytest.raises(ConfigError, match=r"No configuration file at .*nowhere\.toml"):
        load_toml(tmp_path / "nowhere.toml")
    path.write_text("[model]\nlatent_size = = 8\n")
    with pytest.raises(ConfigError, match=r"run\.toml is not valid TOML: .*line 2"):
        load_toml(path)
    path.write_bytes(b'note = "\xff"')
    with pytest.raises(ConfigError, match=r"run\.toml is not valid TOML"):
        load_toml(path)
    with pytest.raises(ConfigError, match="Cannot read the configuration"):
        load_toml(tmp_path)
