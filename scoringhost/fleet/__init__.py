"""The fleet: many services on one machine, each in processes of its own, behind one address.

`specs` says what should run, and `routing` what the fronts know of what does. The supervisor makes the second out of
the first: it has replica sets forked from a warm template of their Python environment, and tells the fronts by a
`channel`.
"""
