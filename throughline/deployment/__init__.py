"""Deployment targets: the interface, the local endpoint and the application that it serves."""
