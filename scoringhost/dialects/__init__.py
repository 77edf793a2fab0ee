"""Dialects: what a wire protocol says over a service. No I/O."""
