"""How variance depends on the hour of the day and the weekend."""
