"""HTTP as every dialect shares it: messages, routes, guards, ids, CORS, bodies, errors. No I/O."""
