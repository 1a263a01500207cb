"""What tests of several wings share: examples, reference answers, small notebooks, a browser."""
