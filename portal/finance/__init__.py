"""What the portal knows of money as a whole: days compared and closed, and who may see what."""
