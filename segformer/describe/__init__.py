"""The skill described for others: schemas, skill_info.yaml, lists of fields."""
