"""One entry script and its world: loading, imports, environment, signature, hints."""
