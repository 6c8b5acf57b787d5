"""The models as scalar functions: numbers in, numbers out; the same code live and compiled."""
