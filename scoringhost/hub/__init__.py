"""The hub: what exists and what should run, in one folder.

`home` is that folder: a SQLite database and files by their content. `registry` keeps models in it by name and version.
Several processes may use one home at once, and each may be killed at any moment: what is committed is whole.
"""
