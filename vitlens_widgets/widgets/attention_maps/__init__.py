"""AttentionMaps: where every head looks."""
