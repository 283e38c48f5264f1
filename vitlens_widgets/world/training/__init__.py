"""How the embedded models were trained: recipes, losses, batches and the loop."""
