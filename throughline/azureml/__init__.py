"""What knows Azure ML: the workspace, its tracking store, its deployment targets."""
