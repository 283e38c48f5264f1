"""What still pictures are made of, for places that run no JavaScript.

Four primitives (`film`, `overview`, `curve`, `patches`) draw plain arrays on a `Sheet`; each widget
composes its picture of them in a file of its own, widgets/<name>/still.py.
"""
