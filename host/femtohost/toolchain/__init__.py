"""Sources, compilers and images for boards: where they come from, and builds kept by what they were made of."""
