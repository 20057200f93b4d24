"""The terminal view of a running house: what is read, how it is drawn, how it is kept up to date."""
