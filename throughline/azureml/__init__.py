"""What knows Azure ML: the workspace and its tracking store."""
