"""Plantroom: watches a building's plant and sees to it that a person comes."""

__version__ = "0.1.0"
