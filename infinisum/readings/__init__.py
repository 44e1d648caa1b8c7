"""What is left of a book after it was read, in memory and as `.infinisum` files."""
