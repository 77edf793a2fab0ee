"""Observers: what happens is logged here."""
