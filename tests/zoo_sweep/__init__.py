"""Every architecture of the supported modules, held against its own library, as one table.

`python -m tests.zoo_sweep --out table.md`
"""
