"""Model families, the one form in which all of them are served, and their evaluation."""
