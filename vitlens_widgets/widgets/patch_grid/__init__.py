"""PatchGrid: what each patch answers."""
