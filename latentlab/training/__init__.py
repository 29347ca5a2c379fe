"""How a model learns: the loop, its events, the run folder and the checkpoints."""
