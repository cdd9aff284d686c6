"""Generated descriptions of the skill: schemas, skill_info.yaml, lists of fields."""
