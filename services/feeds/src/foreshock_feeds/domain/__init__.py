"""The pure middle of feeds: columns in, columns out."""
