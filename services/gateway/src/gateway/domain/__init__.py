"""What is true at the front door: who owns which path, how much anybody may ask, who may hear what."""
