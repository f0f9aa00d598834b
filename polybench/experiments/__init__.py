"""One experiment: a configuration parsed, built, run and recorded, whoever asks for it."""
