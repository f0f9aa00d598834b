"""Cost of a recipe, timed in turn: size, latency, throughput, memory, and what a training step waits for."""
