"""The models side by side: every model with every shape of tails, for one contract at one moment."""
