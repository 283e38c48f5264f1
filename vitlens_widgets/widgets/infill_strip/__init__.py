"""InfillStrip: what a masked autoencoder paints."""
