"""What runs in the process of a service that was published by the MLServer class of Microsoft ML Server.

`program` is such a service: a folder with its code, what runs first and its objects. `wire_types` are the seven types
of its inputs and outputs, `pickles` loads its objects, `captured` keeps what a call prints and writes, and `realtime`
scores a model that came without code. All that is of the protocol's other side is in `hub.mls`.
"""
