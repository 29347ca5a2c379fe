import pytest

from latentlab.core.errors import ConfigError
from latentlab.core.registry import Registry


def filled():
    registry = Registry("model")
    for key in ("dcgan", "beta-vae", "mlp-gan"):
        registry.register(key)(type(key, (), {}))
    return registry


def test_entries_keep_their_order_and_know_their_key():
    registry = filled()
    assert list(registry) == ["dcgan", "beta-vae", "mlp-gan"]
    assert [entry.key for _, entry in registry.items()] == list(registry)
    assert "dcgan" in registry and "gan" not in registry and 3 not in registry
    assert registry.get("beta-vae").__name__ == "beta-vae"


def test_a_taken_key_is_refused():
    registry = filled()
    with pytest.raises(ValueError, match="model key 'dcgan' is taken by"):
        registry.register("dcgan")
    assert registry.get("dcgan").__name__ == "dcgan"


@pytest.mark.parametrize("key", ["", "DCGAN", "beta_vae", "-a", "a-", "a--b", "a b", "a\n", "ä"])
def test_keys_are_kebab_case(key):
    with pytest.raises(ValueError, match="not kebab-case"):
        filled().register(key)


def test_an_unknown_key_names_what_is_near():
    with pytest.raises(ConfigError) as caught:
        filled().get("dc-gan")
    expected = "Unknown model 'dc-gan': did you mean dcgan? Expected one of dcgan, beta-vae, mlp-gan."
    assert str(caught.value) == expected
    with pytest.raises(ConfigError) as caught:
        filled().get("zzz")
    assert str(caught.value) == "Unknown model 'zzz': Expected one of dcgan, beta-vae, mlp-gan."
