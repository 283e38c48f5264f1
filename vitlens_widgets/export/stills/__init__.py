"""What still pictures are made of, for places that run no JavaScript.

`film`, `overview` and `curves` turn plain arrays and words into a picture of a given width; a
`sheet` is made of rows of them. Each widget describes its own in widgets/<name>/still.py.
"""
