"""DecodedImages: states and heads as pictures."""
