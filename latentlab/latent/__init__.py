"""How we move in z: samplers draw latents, paths join them, traversals vary one dimension. numpy only."""
