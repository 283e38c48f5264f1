"""Explorer: every view of one image at once."""
