"""Global theory: the amplitude equation far from rest, noise on it, exit times."""
