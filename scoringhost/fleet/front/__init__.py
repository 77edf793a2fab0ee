"""The front of a fleet: a process that takes requests, and hands each over to a replica of the service it is for.

No code of users runs here, and neither NumPy nor pandas is imported: heads are parsed, bodies pass through.

    starting    for the supervisor: the command and the first message     process    its life, and what it is told
    made        its parts, from the settings                              memory     what all fronts count together
    front_app   what connections ask, and what is answered here           pages, scraping    what that is
    front_protocol  a client's connection                                 upstream   a replica's
    targets     from a path to a service                                  choosing   which version, if none is named
    directory   the routing table in force, and who waits                 exchange, answering, heads    one request
"""
