"""What entries of the streams become as rows of flat tables."""
