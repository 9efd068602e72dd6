"""The words of the product as data, and the ports through which it sees the world."""
