"""The sparse autoencoders that come with the package: which there are, cards, how to train them."""
