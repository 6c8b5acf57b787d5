"""The signature plot: variance a second by sampling step, running."""
