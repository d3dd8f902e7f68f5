"""Shallow jobs: ids in, one function of a feature, a small summary out. Safe to run twice."""
