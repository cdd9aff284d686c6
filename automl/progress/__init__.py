"""An experiment as it is watched: events become messages and a view that a screen draws."""
