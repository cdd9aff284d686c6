"""The JSON schema of a skill's action: ours and TAO's dialect."""
