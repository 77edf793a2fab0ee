"""Making something deployable of an entry script: what belongs to it, and the folder for each target."""
