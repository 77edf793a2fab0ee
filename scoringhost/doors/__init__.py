"""Doors: each translates between a foreign server's objects and ours; none knows another."""
