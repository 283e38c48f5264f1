"""The decoders of the world's models: their networks, and how their weights are read."""
