"""Reports that people look at: what a preparation found and made, as a page and pictures."""
