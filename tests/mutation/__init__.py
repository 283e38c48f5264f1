"""Changes the engines one small step at a time and counts which changes no test notices.

`python -m tests.mutation --seed 0 --count 120 --out mutation.md` writes the report.
"""
