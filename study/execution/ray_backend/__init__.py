"""Ray Tune as the engine: with `worker`, all that imports Ray."""
