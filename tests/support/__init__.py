"""What tests share: answers made from the catalogue, people at their browsers, real servers."""
