"""The hall: its programme, its box office."""
