"""Doors: foreign requests to ours and back; no decision is made here."""
