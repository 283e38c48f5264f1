"""What still pictures are made of, for places that run no JavaScript.

`film`, `overview` and `curves` turn plain arrays and words into a piece of a given width; a
`sheet` is made of rows of them. Each widget describes its own in widgets/<name>/still.py. A piece
keeps letters, lines and pictures apart: `painting` makes pixels of them, export/figures files.
"""
