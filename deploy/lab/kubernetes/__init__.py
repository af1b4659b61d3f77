"""A Kubernetes API per site, with the semantics of a real control plane and without its weight."""
