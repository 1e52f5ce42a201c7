"""Hypothesis for the engine: no wall-clock deadline (the first look at a country's holidays loads them)."""

from hypothesis import settings

settings.register_profile("engine", deadline=None)
settings.load_profile("engine")
