"""Features: neurons and latents, what makes each one fire and what it writes."""
