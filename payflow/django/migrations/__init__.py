"""One migration for each version of payflow's schema; ``operations_of`` says what each of them does."""
