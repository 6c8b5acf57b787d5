"""What a side costs, fee included, and what is left of a probability after it (pricing notes, section 7.2)."""
