"""The model registry: versions, who of them is the champion, and how that changes."""
