"""A service on Kubernetes: what it is (`service`), and the manifests made of it. Nothing here asks a cluster."""
