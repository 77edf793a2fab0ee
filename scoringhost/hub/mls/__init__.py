"""The MLServer class of Microsoft ML Server: its REST dialect over the hub, for its own client and others.

`operations` is the table of what can be asked. `server` listens, `guard` knows who asks; `sessions`, `services`,
`consuming` and `batches` answer; `definition` is what was published and `folders` makes a folder of it, which runs as
any other (see `runtimes.mls`). `foreign` shows services that were deployed in another way.
"""
