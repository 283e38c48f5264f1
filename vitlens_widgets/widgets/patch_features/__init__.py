"""PatchFeatures: what the patches of a model without a classifier are like, and classes taught."""
