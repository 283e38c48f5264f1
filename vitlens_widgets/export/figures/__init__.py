"""Figures for papers: chosen panels of widgets as a PDF, an SVG or a PNG of an exact width.

Each widget names its panels in widgets/<name>/still.py, in the words of export/stills.
"""
