"""One file for each family of models; a file that is put here is found by itself."""
