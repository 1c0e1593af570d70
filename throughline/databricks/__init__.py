"""What knows Databricks: cluster files, mounts, job specs and the serving endpoint."""
