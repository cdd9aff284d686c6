"""From the best trial to a verified and registered model."""
