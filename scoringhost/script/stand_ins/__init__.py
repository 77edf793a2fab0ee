"""Modules that entry scripts import and that are not installed: what scoringhost answers in their place.

`table` says which there are, `finder` hands them to the scripts of the process, and to nobody else;
`models`, `automl` and `collectors` are what is in them.
"""
