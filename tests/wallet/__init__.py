"""Credit: spent, held, moved, bought and refunded, on every database."""
