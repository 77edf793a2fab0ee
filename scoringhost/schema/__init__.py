"""From samples to types, and between Python and JSON."""
