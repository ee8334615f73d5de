"""The catalog's YAML files, and what reads them. A new vendor is one file in `vendors/`.

`endpoint_sets.yaml` holds what vendors share. `vendors/custom.yaml` is the shortest
vendor; `schema.py` says what a file may hold, and every field's default.
"""
