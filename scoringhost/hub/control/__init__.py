"""The control API of a hub: HTTP and JSON over what `hub.Hub` can do.

`operations` is the table of all that can be asked, of which the paths and the OpenAPI document are made. `guard` lets
callers in and knows their roles; `services` and `models` answer; `words` are the errors; `server` listens.
"""
